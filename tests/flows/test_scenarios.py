"""Every scenario raises exactly the alerts that its catalogue entry names, and they resolve."""

import asyncio

import httpx
import pytest

from dexwatch.demo.scenarios import SCENARIOS, Scenario
from dexwatch.rules.catalogue import ALERTS
from dexwatch.signals.severity import Severity
from tests.flows.conftest import Platform

pytestmark = [
    pytest.mark.flow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

FIRE_SECONDS = 60.0
LINGER_SECONDS = 4.0
RESOLVE_SECONDS = 120.0
SEVERITY = {rule.id: rule.severity for rule in ALERTS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_scenario_raises_what_it_names_and_it_resolves(
    platform: Platform, scenario: Scenario
) -> None:
    assert await platform.calm(seconds=RESOLVE_SECONDS), "an earlier scenario still echoes"
    platform.seen.clear()
    told = await _slack_messages(platform)

    await platform.sample.director.start(scenario.name)
    try:
        expected = set(scenario.raises)
        reached = await platform.until(lambda _: expected <= platform.seen, seconds=FIRE_SECONDS)
        lingering = asyncio.get_running_loop().time() + LINGER_SECONDS
        while asyncio.get_running_loop().time() < lingering:
            await platform.firing()
            await asyncio.sleep(0.25)
        incidents = await platform.open_incidents()
    finally:
        await platform.sample.director.stop(scenario.name)

    assert reached, f"missing {expected - platform.seen}; fired: {platform.seen}"
    assert platform.seen <= expected | set(scenario.also), (
        f"beyond the catalogue: {platform.seen - expected - set(scenario.also)}"
    )
    worst = min(SEVERITY[name] for name in scenario.raises)
    assert any(incident.severity <= worst for incident in incidents), f"incidents: {incidents}"
    assert await platform.calm(seconds=RESOLVE_SECONDS), (
        f"did not resolve: {await platform.firing()} {await platform.open_incidents()}"
    )
    assert platform.seen <= expected | set(scenario.also), "something fired while it recovered"
    if worst <= Severity.P2:
        assert await _slack_messages(platform) > told, "nobody was told in Slack"


async def _slack_messages(platform: Platform) -> int:
    """Return the number of messages that the Slack fake has taken."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{platform.sample.addresses['slack']}/messages.json")
        return len(answer.json())
