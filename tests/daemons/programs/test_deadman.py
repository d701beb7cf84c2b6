"""The dead man's signal by a real Prometheus and Alertmanager: it comes, and its end is seen."""

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.programs.alertmanager import Webhook, alertmanager_files
from dexwatch.metrics.profile import PRODUCTION
from tests.fakes.patience import until
from tests.fakes.stack import rules, stack

WATCHDOG = {"alertname": "Watchdog", "severity": "none"}
WEBHOOK = Webhook("http://127.0.0.1:1/hooks/alertmanager", SecretStr("x" * 20))


async def test_it_comes_again_and_again_and_ends_with_prometheus(tmp_path: Path) -> None:
    async with stack(tmp_path, rules(WATCHDOG), "Watchdog") as running:
        running.faults["Watchdog"] = 1.0
        await until(lambda: len(running.hooks.beats) >= 3, seconds=60)
        alerts = [alert for _, beat in running.hooks.beats for alert in beat["alerts"]]
        assert {(alert["labels"]["alertname"], alert["status"]) for alert in alerts} == {
            ("Watchdog", "firing")
        }
        # No alert of its own, and no incident, comes of it.
        assert running.hooks.deliveries == []
        await running.supervisor.stop("prometheus")
        listed = await running.alertmanager("/api/v2/alerts")
        assert {receiver["name"] for alert in listed for receiver in alert["receivers"]} == {
            "heartbeat"
        }


def test_it_is_told_to_us_alone_every_few_beats() -> None:
    main, _ = alertmanager_files(profile=PRODUCTION, webhook=WEBHOOK)
    document = yaml.safe_load(main.content)
    assert {receiver["name"] for receiver in document["receivers"]} == {
        "dexwatch",
        "heartbeat",
        "nobody",
    }
    assert document["route"]["routes"][0]["repeat_interval"] == "20s"
    assert not main.secret


def test_an_outside_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValidationError, match="must begin with http"):
        DaemonsConfig.model_validate({"deadman": {"outside_url": "pings.example"}})
