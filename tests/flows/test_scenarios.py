"""Every scenario raises exactly the alerts that its catalogue entry names, and they resolve."""

import time

import httpx
import pytest

from dexwatch.demo.scenarios import SCENARIOS, Scenario
from dexwatch.metrics.severity import Severity
from dexwatch.rules.registry import ALERTS
from tests.flows.conftest import QUIET_SECONDS, TIMES, Platform

pytestmark = [
    pytest.mark.flow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

FIRE_SECONDS = 60.0
LINGER_SECONDS = 3.0
RESOLVE_SECONDS = 120.0
SEVERITY = {rule.id: rule.severity for rule in ALERTS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_scenario_raises_what_it_names_and_it_resolves(
    platform: Platform, scenario: Scenario
) -> None:
    assert await platform.all_resolved(seconds=RESOLVE_SECONDS), (
        "alerts of an earlier scenario still fire"
    )
    platform.seen.clear()
    told = await _slack_messages(platform)

    scenarios = platform.sample.scenarios
    await scenarios.start(scenario.name)
    waits = scenarios.begins_in(scenario.name)
    began = time.monotonic() + waits
    try:
        expected = set(scenario.raises)
        reached = await platform.until(
            lambda _: expected <= platform.seen, seconds=waits + FIRE_SECONDS
        )
        fired = time.monotonic() - began
        # What fires beyond the catalogue may be a little later.
        await platform.until(lambda _: False, seconds=LINGER_SECONDS)
        incidents = await platform.open_incidents()
    finally:
        await scenarios.stop(scenario.name)
        lifted = time.monotonic()

    assert reached, f"missing {expected - platform.seen}; fired: {platform.seen}"
    assert platform.seen <= expected | set(scenario.also), (
        f"beyond the catalogue: {platform.seen - expected - set(scenario.also)}"
    )
    worst = min(SEVERITY[name] for name in scenario.raises)
    assert any(incident.severity <= worst for incident in incidents), f"incidents: {incidents}"
    assert await platform.all_resolved(seconds=RESOLVE_SECONDS), (
        f"did not resolve: {await platform.firing()} {await platform.open_incidents()}"
    )
    TIMES[scenario.name] = (fired, time.monotonic() - lifted - QUIET_SECONDS)
    assert platform.seen <= expected | set(scenario.also), (
        f"fired while it recovered: {platform.seen - expected - set(scenario.also)}"
    )
    if worst <= Severity.P2:
        assert await _slack_messages(platform) > told, "nobody was told in Slack"


async def _slack_messages(platform: Platform) -> int:
    """Return the number of messages that the Slack fake has taken."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{platform.sample.addresses['slack']}/messages.json")
        return len(answer.json())
