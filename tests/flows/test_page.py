"""From a fault to a person and back: messages, incident, timeline, acknowledgement, the end."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from dexwatch.clock import now
from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.records import IncidentState
from dexwatch.metrics.severity import Severity
from dexwatch.response.actions import act
from dexwatch.response.views import IncidentFilter, IncidentView
from tests.flows.conftest import Platform

pytestmark = [
    pytest.mark.flow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

TOLD_SECONDS = 45.0
RESOLVE_SECONDS = 120.0


@pytest.mark.parametrize(
    ("scenario", "rule", "severity", "stakeholders"),
    [
        ("redis-down", "RedisDown", Severity.P0, True),
        ("queue-backlog", "QueueDepthHigh", Severity.P1, False),
    ],
)
async def test_people_are_told_acknowledge_and_see_it_end(
    platform: Platform, scenario: str, rule: str, severity: Severity, stakeholders: bool
) -> None:
    assert await platform.all_resolved(seconds=RESOLVE_SECONDS), (
        "alerts of an earlier scenario still fire"
    )
    began = now()
    mails, messages = len(await _read(platform, "mailbox")), len(await _read(platform, "slack"))

    await platform.sample.scenarios.start(scenario)
    try:
        incident = await _incident(platform, rule)
        mail = await _arrived(platform, "mailbox", incident, after=mails)
        message = await _arrived(platform, "slack", incident, after=messages)
        done = await act(
            platform.store, Acknowledged(incident.incident.id, "bo", f"flow-{rule}"), now()
        )
    finally:
        await platform.sample.scenarios.stop(scenario)

    assert incident.incident.severity is severity
    assert incident.incident.began_at >= began
    assert severity.name in mail["subject"]
    assert ("stakeholders@example.org" in str(await _recipients(platform, after=mails))) == (
        stakeholders
    )
    assert f"/incidents/{incident.incident.id}" in str(message) + mail["html"]
    assert done.incident_id == incident.incident.id

    assert await platform.all_resolved(seconds=RESOLVE_SECONDS), "it did not end"
    ended = await platform.store.incident(incident.incident.id)
    assert ended is not None
    assert ended.incident.state is IncidentState.RESOLVED
    assert ended.incident.resolved_by is None, "it resolves by itself"
    assert ended.incident.owner == "bo"
    # Lines stand in the order of decisions; their times are of what each tells, and somebody's
    # act may be decided after a delivery that came a moment later.
    kinds = [entry.kind for entry in ended.timeline]
    assert kinds[0] == "opened"
    assert kinds.index("acknowledged") < kinds.index("resolved")
    assert [entry.by for entry in ended.timeline if entry.kind == "acknowledged"] == ["bo"]


async def _incident(platform: Platform, rule: str) -> IncidentView:
    """Wait for the unresolved incident that holds an alert of the rule."""
    deadline = time.monotonic() + TOLD_SECONDS
    states = frozenset(set(IncidentState) - {IncidentState.RESOLVED})
    while time.monotonic() < deadline:
        for found in (await platform.store.incidents(IncidentFilter(states=states))).incidents:
            view = await platform.store.incident(found.id)
            if view is not None and any(alert.name == rule for alert in view.alerts):
                return view
        await asyncio.sleep(0.1)
    raise AssertionError(f"no incident of {rule} after {TOLD_SECONDS:g} s")


async def _arrived(
    platform: Platform, channel: str, incident: IncidentView, *, after: int
) -> dict[str, Any]:
    """Wait for a message that tells of the incident, by its number or its id."""
    deadline = time.monotonic() + TOLD_SECONDS
    while time.monotonic() < deadline:
        for message in (await _read(platform, channel))[after:]:
            if incident.incident.id in str(message):
                return message
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody was told in {channel} after {TOLD_SECONDS:g} s")


async def _recipients(platform: Platform, *, after: int) -> set[str]:
    return {
        who for mail in (await _read(platform, "mailbox"))[after:] for who in mail["recipients"]
    }


async def _read(platform: Platform, channel: str) -> list[dict[str, Any]]:
    """Return what the mailbox or the Slack fake has taken, oldest first."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{platform.sample.addresses[channel]}/messages.json")
        found: list[dict[str, Any]] = answer.json()
        return found
