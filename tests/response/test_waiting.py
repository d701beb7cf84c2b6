"""A message that waits for its turn: neither slow, nor perhaps arrived."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dexwatch.incidents.notice import Notice
from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import JobOutcome
from dexwatch.metrics.severity import Severity
from dexwatch.response.messaging import dispatch as module
from dexwatch.response.notifier import DeliveryResult, Turn
from tests.fakes.alerts import ANA, SLACK, fire
from tests.fakes.dispatch import Channel, Rig, opened


@dataclass
class Queued(Channel):
    """A notifier that lets a message wait at two points, until the test says so."""

    due: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def send_in_turn(self, notice: Notice, turn: Turn) -> DeliveryResult:
        await self.due.wait()
        turn.due.set()
        await self.free.wait()
        turn.begin()
        return await self.send(notice)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    async with opened(tmp_path) as made:
        made.channels["email"] = Queued()
        made.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
        yield made


def queued(rig: Rig) -> Queued:
    channel = rig.channels["email"]
    assert isinstance(channel, Queued)
    return channel


async def test_waiting_for_a_collected_message_pages_nobody_else(rig: Rig) -> None:
    await rig.apply(fire())
    (job,) = await rig.take()
    sending = asyncio.create_task(rig.do(job))
    await asyncio.sleep(0.2)
    queued(rig).free.set()
    queued(rig).due.set()
    assert (await sending).outcome is JobOutcome.DONE
    assert await rig.take("slack") == []


async def test_waiting_for_a_slow_receiver_leads_to_another_way(rig: Rig) -> None:
    await rig.apply(fire())
    (job,) = await rig.take()
    queued(rig).due.set()
    sending = asyncio.create_task(rig.do(job))
    await asyncio.sleep(0.3)
    (fallback,) = await rig.take("slack")
    assert fallback.payload["reason"] == "fallback"
    # What has waited longer than an attempt may take has its whole time all the same.
    queued(rig).free.set()
    assert (await sending).outcome is JobOutcome.DONE


@pytest.mark.parametrize("due", [False, True])
async def test_whose_turn_never_came_cannot_have_arrived(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, due: bool
) -> None:
    monkeypatch.setattr(module, "_TURN_SECONDS", 0.2)
    await rig.apply(fire())
    (job,) = await rig.take()
    if due:
        queued(rig).due.set()
    assert (await rig.do(job)).outcome is JobOutcome.RETRY
    assert queued(rig).sent == []
