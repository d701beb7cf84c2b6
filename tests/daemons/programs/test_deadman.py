"""The dead man's signal by a real Prometheus and Alertmanager: it comes, and its end is seen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from dexwatch.daemons.config import DaemonsConfig, DeadmanConfig
from dexwatch.daemons.programs.alertmanager import Webhook, alertmanager_files
from dexwatch.metrics.profile import PRODUCTION
from tests.fakes.patience import until
from tests.fakes.stack import rules, stack

WATCHDOG = {"alertname": "Watchdog", "severity": "none"}
WEBHOOK = Webhook("http://127.0.0.1:1/hooks/alertmanager", SecretStr("x" * 20))


@asynccontextmanager
async def outside() -> AsyncIterator[tuple[str, list[str]]]:
    """A service that takes pings; yields its address and the first line of each request."""
    pings: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pings.append(head.split("\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping/5a1c", pings


async def test_the_signal_repeats_is_sent_outside_and_ends_with_prometheus(
    tmp_path: Path,
) -> None:
    async with outside() as (url, pings):
        deadman = DeadmanConfig(outside_url=SecretStr(url), outside_seconds=10)
        async with stack(tmp_path, rules(WATCHDOG), "Watchdog", deadman=deadman) as running:
            running.faults["Watchdog"] = 1.0
            await until(lambda: len(running.hooks.beats) >= 3, seconds=60)
            alerts = [alert for _, beat in running.hooks.beats for alert in beat["alerts"]]
            assert {(alert["labels"]["alertname"], alert["status"]) for alert in alerts} == {
                ("Watchdog", "firing")
            }
            await until(lambda: pings, seconds=20)
            assert pings[0] == "POST /ping/5a1c HTTP/1.1"
            # No alert of its own, and no incident, comes of it.
            assert running.hooks.deliveries == []
            await running.supervisor.stop("prometheus")
            listed = await running.alertmanager("/api/v2/alerts")
            assert {receiver["name"] for alert in listed for receiver in alert["receivers"]} == {
                "heartbeat",
                "outside",
            }


def routed(**given: object) -> tuple[dict, bool]:
    config = DaemonsConfig.model_validate({"deadman": given})
    main, _ = alertmanager_files(profile=PRODUCTION, webhook=WEBHOOK, deadman=config.deadman)
    return yaml.safe_load(main.content), main.secret


def test_the_outside_service_is_called_only_when_configured_and_its_address_stays_secret() -> None:
    document, secret = routed()
    assert {receiver["name"] for receiver in document["receivers"]} == {
        "dexwatch",
        "heartbeat",
        "nobody",
    }
    assert document["route"]["routes"][0]["repeat_interval"] == "20s"
    assert not secret
    document, secret = routed(outside_url="https://pings.example/5a1c", outside_seconds=120)
    ours, theirs, *_ = document["route"]["routes"]
    assert (ours["receiver"], ours["continue"]) == ("heartbeat", True)
    assert (theirs["receiver"], theirs["repeat_interval"]) == ("outside", "2m")
    assert secret
    with pytest.raises(ValidationError, match="must begin with http"):
        routed(outside_url="pings.example")
