"""Real Prometheus, real Alertmanager, a webhook of ours: one running stack for the whole file."""

import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.program import RefusedConfigError
from tests.fakes.patience import until
from tests.fakes.stack import Stack, rules, stack

PROVES = ("C-ALERTMANAGER", "R-DEDUP")
"""Requirements that these tests prove, for `dexwatch coverage`."""


pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

P0 = {"alertname": "ApiUptimeLow", "severity": "P0", "alert_group": "api-uptime"}
LADDER = (
    {"alertname": "CpuUse60", "severity": "P3", "alert_group": "cpu", "group_priority": "1"},
    {"alertname": "CpuUse70", "severity": "P2", "alert_group": "cpu", "group_priority": "2"},
    {"alertname": "CpuUse80", "severity": "P2", "alert_group": "cpu", "group_priority": "3"},
    {"alertname": "CpuHigh", "severity": "P1", "alert_group": "cpu", "group_priority": "4"},
    {"alertname": "MemoryHigh", "severity": "P1", "alert_group": "memory", "group_priority": "4"},
    {
        "alertname": "OtherHost",
        "severity": "P3",
        "alert_group": "cpu",
        "group_priority": "1",
        "host": "dex-2",
    },
    {"alertname": "Watchdog", "severity": "none", "alert_group": "own"},
    {"alertname": "DatabaseDown", "severity": "P0", "alert_group": "database"},
    {"alertname": "DatabaseSlow", "severity": "P1", "alert_group": "database-latency"},
    {"alertname": "DatabaseDeadlocks", "severity": "P2", "alert_group": "database-locks"},
    {
        "alertname": "DatabaseConnectionsHigh",
        "severity": "P1",
        "alert_group": "database-connections",
        "instance": "another",
    },
    {"alertname": "PaymentsFailing", "severity": "P1", "alert_group": "payments"},
    {"alertname": "TradingSuccessLow", "severity": "P0", "alert_group": "trading"},
)
NAMES = tuple(labels["alertname"] for labels in LADDER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    async with stack(folder, rules(P0, *LADDER), "ApiUptimeLow", "RedisDown", *NAMES) as started:
        yield started


async def faulty(running: Stack, name: str) -> None:
    """Break and mend once; fault and end must both arrive."""
    fired, mended = len(running.hooks.alerts()), len(running.hooks.alerts("resolved"))
    running.faults[name] = 1.0
    await until(lambda: len(running.hooks.alerts()) > fired, seconds=20)
    running.faults[name] = 0.0
    await until(lambda: len(running.hooks.alerts("resolved")) > mended, seconds=20)


async def beats(running: Stack, count: int) -> None:
    """Wait for so many more of the dead man's signals."""
    heard = len(running.hooks.beats)
    await until(lambda: len(running.hooks.beats) >= heard + count, seconds=30)


async def test_a_p0_is_delivered_and_resolved_each_time(running):
    for _ in range(3):
        await faulty(running, "ApiUptimeLow")
    alert = running.hooks.alerts()[0]
    assert alert["labels"] | P0 == alert["labels"]
    assert alert["labels"]["host"] == "dex-1"
    assert alert["annotations"]["summary"] == "it is 1"
    assert running.hooks.refused == 0


async def test_of_an_alert_group_only_the_worst_is_delivered_and_consequences_are_inhibited(
    running,
):
    running.hooks.deliveries.clear()
    running.faults |= dict.fromkeys(NAMES, 1.0)
    loud = {"CpuHigh", "MemoryHigh", "OtherHost", "DatabaseDown", "TradingSuccessLow"}
    # Neither another instance nor what users lose may be hidden by one database.
    loud |= {"DatabaseSlow", "DatabaseConnectionsHigh", "PaymentsFailing"}
    await until(lambda: running.hooks.names() >= loud, seconds=10)

    async def inhibited() -> bool:
        alerts = await running.alertmanager("/api/v2/alerts", inhibited="true", active="false")
        return {alert["labels"]["alertname"] for alert in alerts} == {
            *("CpuUse60", "CpuUse70", "CpuUse80", "DatabaseDeadlocks")
        }

    await until(inhibited)
    # Two more signals of the watchdog are two more rounds of every group: nothing else slips out.
    await beats(running, 2)
    assert running.hooks.names() == loud
    # When the worst ends, the next priority is heard, and only that one.
    running.faults["CpuHigh"] = 0.0
    await until(lambda: "CpuHigh" in running.hooks.names("resolved"), seconds=10)
    await until(lambda: "CpuUse80" in running.hooks.names(), seconds=10)
    assert running.hooks.names() == {*loud, "CpuUse80"}
    running.faults |= dict.fromkeys(NAMES, 0.0)
    await until(lambda: running.hooks.names("resolved") >= running.hooks.names(), seconds=10)


async def test_a_wrong_token_is_refused_and_the_alert_arrives_once_it_is_right(running):
    pid = running.supervisor.state("alertmanager").pid
    file = running.folder / "etc" / "alertmanager" / "hook.token"
    running.token = "wrong"
    await running.supervisor.change(running.programs(rules(P0))["alertmanager"])
    running.hooks.deliveries.clear()
    running.faults["ApiUptimeLow"] = 1.0
    await until(lambda: running.hooks.refused)
    assert running.hooks.deliveries == []
    running.token = "hook-token"
    await running.supervisor.change(running.programs(rules(P0))["alertmanager"])
    await until(running.hooks.alerts, seconds=20)
    running.faults["ApiUptimeLow"] = 0.0
    assert running.supervisor.state("alertmanager").pid == pid
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_prometheus_that_is_killed_and_comes_back_resolves_nothing(running):
    await until(lambda: running.hooks.names("resolved") >= running.hooks.names(), seconds=20)
    running.hooks.deliveries.clear()
    running.faults["ApiUptimeLow"] = 1.0
    await until(running.hooks.alerts, seconds=20)
    running.supervisor.send("prometheus", signal.SIGKILL)
    await until(lambda: running.supervisor.state("prometheus").restarts == 1)
    await until(lambda: running.supervisor.state("prometheus").state is State.READY)

    async def firing() -> bool:
        alerts = await running.prometheus("/api/v1/alerts")
        return [alert["state"] for alert in alerts["alerts"]] == ["firing"]

    await until(firing, seconds=20)
    # What is told after the return, and so after an end would have been noticed.
    running.faults["Watchdog"] = 1.0
    await beats(running, 2)
    assert running.hooks.alerts("resolved") == []
    running.faults["ApiUptimeLow"] = 0.0
    await until(lambda: running.hooks.alerts("resolved"), seconds=20)


async def test_a_new_rule_is_picked_up_without_restart_and_a_bad_one_refused(running):
    pid = running.supervisor.state("prometheus").pid
    running.faults["RedisDown"] = 1.0
    both = rules(P0, {"alertname": "RedisDown", "severity": "P0", "alert_group": "cache"})
    assert await running.supervisor.change(running.programs(both)["prometheus"])
    # For some seconds after a reload Prometheus knows no Alertmanager; then it sends again.
    await until(lambda: "RedisDown" in running.hooks.names(), seconds=20)
    bad = running.programs(both.replace("== 1", "== = 1"))["prometheus"]
    with pytest.raises(RefusedConfigError, match=r"(?s)promtool check refuses it.*parse error"):
        await running.supervisor.change(bad)
    groups = (await running.prometheus("/api/v1/rules"))["groups"]
    assert [rule["name"] for rule in groups[0]["rules"]] == ["ApiUptimeLow", "RedisDown"]
    assert running.supervisor.state("prometheus").pid == pid
