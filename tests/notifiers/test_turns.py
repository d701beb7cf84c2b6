"""Who may send next: the gravest first, and slow P3 never holds up a P0."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.turns import Turns


class Office:
    """Senders that each hold their permit until they are told to end."""

    def __init__(self, most: int) -> None:
        self.turns = Turns(most)
        self.under_way: list[Severity] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, *severities: Severity) -> None:
        self.tasks += [asyncio.create_task(self._send(one)) for one in severities]
        await settle()

    async def _send(self, severity: Severity) -> None:
        async with self.turns.turn(severity):
            self.under_way.append(severity)
            try:
                await asyncio.Event().wait()
            finally:
                self.under_way.remove(severity)

    async def end(self, number: int) -> None:
        self.tasks.pop(number).cancel()
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_last_permit_is_kept_for_the_urgent() -> None:
    office = Office(3)
    await office.ask(*[Severity.P3] * 9)
    assert office.under_way == [Severity.P3] * 2
    await office.ask(Severity.P0)
    assert office.under_way == [Severity.P3, Severity.P3, Severity.P0]


async def test_a_single_permit_is_for_all() -> None:
    office = Office(1)
    await office.ask(Severity.P3, Severity.P3)
    assert office.under_way == [Severity.P3]


async def test_the_gravest_is_next_and_among_equals_the_first() -> None:
    office = Office(1)
    await office.ask(Severity.P2, Severity.P3, Severity.P1, Severity.P0)
    turns = []
    for number in (0, 2, 1):
        await office.end(number)
        turns += office.under_way
    assert turns == [Severity.P0, Severity.P1, Severity.P3]


@pytest.mark.parametrize("severity", list(Severity))
async def test_who_gives_up_just_when_it_is_granted_loses_no_permit(severity: Severity) -> None:
    office = Office(2)
    await office.ask(Severity.P0, Severity.P0, severity)
    waiting, first = office.tasks[2], office.tasks[0]
    first.cancel()
    await asyncio.sleep(0)
    waiting.cancel()
    await settle()
    await office.end(1)
    await office.ask(Severity.P0, Severity.P0, Severity.P0)
    assert office.under_way == [Severity.P0] * 2


@given(
    most=st.integers(1, 4),
    steps=st.lists(st.sampled_from(Severity) | st.integers(0, 9), max_size=40),
)
def test_permits_are_neither_lost_nor_made(most: int, steps: Sequence[Severity | int]) -> None:
    async def play() -> None:
        office = Office(most)
        for step in steps:
            if isinstance(step, Severity):
                await office.ask(step)
            elif step < len(office.tasks):
                await office.end(step)
            asked, busy = len(office.tasks), len(office.under_way)
            assert busy <= most
            assert busy >= min(asked, max(most - 1, 1))
        while office.tasks:
            await office.end(0)
        await office.ask(*[Severity.P0] * most)
        assert office.under_way == [Severity.P0] * most
        for task in office.tasks:
            task.cancel()

    asyncio.run(play())
