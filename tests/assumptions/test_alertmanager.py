"""What we believe of Debian's Alertmanager 0.25 and amtool; a new version is judged by these."""

import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from dexwatch.daemons.ports import request
from tests.fakes.patience import until
from tests.fakes.stack import SECRETS, Stack, asked, rules, stack

served = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("receiver", "taken"),
    [
        ({"webhook_configs": [{"url": "http://a/", "max_alerts": 5}]}, True),
        ({"discord_configs": [{"webhook_url": "http://a/"}]}, True),
        ({"webhook_configs": [{"url_file": "/a"}]}, False),
        ({"msteams_configs": [{"webhook_url": "http://a/"}]}, False),
        ({"jira_configs": [{}]}, False),
    ],
)
def test_receivers_of_this_version(tmp_path, require, receiver, taken):
    file = tmp_path / "a.yml"
    document = {"route": {"receiver": "r"}, "receivers": [{"name": "r", **receiver}]}
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [require("amtool"), "check-config", str(file)], capture_output=True, check=False
    )
    assert (done.returncode == 0) is taken


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory) -> AsyncIterator[Stack]:
    labels = {"alertname": "A", "severity": "P0", "alert_group": "a"}
    async with stack(tmp_path_factory.mktemp("stack"), rules(labels), "A") as started:
        yield started


@served
async def test_there_is_no_ui(running):
    body = (await request(asked(f"{running.config.alertmanager_url}/"))).text
    assert "<script" not in body


@served
async def test_api_v1_answers_and_cannot_be_switched_off(running):
    """Upstream removed it in 0.27; until then nothing of ours may link to it or trust it."""
    status = (await request(asked(f"{running.config.alertmanager_url}/api/v1/alerts"))).status_code
    assert status == 200


@served
async def test_a_single_instance_is_ready_and_has_no_peers(running):
    status = await running.alertmanager("/api/v2/status")
    assert status["cluster"]["status"] == "disabled"
    assert status["versionInfo"]["version"].startswith("0.25")


@served
async def test_the_reload_metrics_have_the_names_that_prove_a_reload(running):
    body = (await request(asked(f"{running.config.alertmanager_url}/metrics"))).text
    assert "alertmanager_config_last_reload_successful 1" in body
    assert "alertmanager_config_last_reload_success_timestamp_seconds " in body


@served
async def test_a_silence_over_api_v2_holds_an_alert_back_until_it_is_expired(running):
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "A", "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "ana",
        "comment": "rehearsal",
    }
    base = running.config.alertmanager_url
    async with httpx.AsyncClient(headers={"authorization": SECRETS.access.header}) as client:
        made = await client.post(f"{base}/api/v2/silences", json=silence)
        assert made.status_code == 200
        name = made.json()["silenceID"]
        running.faults["A"] = 1.0

        async def silenced() -> bool:
            found = await running.alertmanager("/api/v2/alerts")
            return [alert["status"]["silencedBy"] for alert in found] == [[name]]

        await until(silenced, seconds=20)
        assert running.hooks.alerts() == []
        assert (await client.delete(f"{base}/api/v2/silence/{name}")).status_code == 200
        again = await client.get(f"{base}/api/v2/silence/{name}")
        assert again.json()["status"]["state"] == "expired"
    await until(running.hooks.alerts, seconds=10)


@served
async def test_a_delivery_has_the_form_that_our_receiver_reads(running):
    running.faults["A"] = 1.0
    await until(running.hooks.alerts, seconds=20)
    _, delivery = running.hooks.deliveries[0]
    assert delivery["version"] == "4"
    assert set(delivery) >= {"alerts", "groupKey", "receiver", "status", "truncatedAlerts"}
    alert = delivery["alerts"][0]
    assert set(alert) == {
        *("annotations", "endsAt", "fingerprint", "generatorURL", "labels", "startsAt", "status")
    }
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    running.faults["A"] = 0.0
    await until(lambda: running.hooks.alerts("resolved"), seconds=20)
    resolved = running.hooks.alerts("resolved")[-1]
    assert resolved["fingerprint"] == alert["fingerprint"]
    assert resolved["startsAt"] == alert["startsAt"]
    assert resolved["endsAt"] > alert["startsAt"]
