"""A message that was told together with others is looked for as what it went out as."""

import asyncio
from dataclasses import dataclass, field

import pytest

from dexwatch.incidents.notice import Notice
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.notifiers import collecting
from dexwatch.notifiers.collecting import Collecting
from dexwatch.response.notifier import DeliveryResult, LookupResult
from tests.notifiers.test_collecting import Channel, page


@dataclass
class Telling(Channel):
    """A channel that knows what it took; its answers are lost."""

    asked: list[Notice] = field(default_factory=list)
    takes: bool = True
    can_tell: bool = True

    async def send(self, notice: Notice) -> DeliveryResult:
        if self.takes:
            self.sent.append(notice)
        return DeliveryResult.unknown("the answer was lost")

    async def lookup(self, notice: Notice) -> LookupResult:
        self.asked.append(notice)
        if not self.can_tell:
            return LookupResult(None)
        taken = any(one.key == notice.key for one in self.sent)
        return LookupResult(taken, "h" if taken else None)


def sender(channel: Channel, per_minute: int = 0) -> Collecting:
    return Collecting(channel, per_minute=per_minute, wait_seconds=0.01, gap_seconds=0.01)


async def sent(channel: Collecting, *numbers: int) -> None:
    results = await asyncio.gather(*(channel.send(page(n)) for n in numbers))
    assert {result.outcome for result in results} == {DeliveryOutcome.UNKNOWN}


async def test_what_was_taken_with_others_is_found_and_has_no_handle() -> None:
    channel = sender(Telling())
    await sent(channel, 1, 2)
    for number in (1, 2):
        assert await channel.lookup(page(number)) == LookupResult(True)


async def test_a_collected_message_does_not_answer_for_an_earlier_one() -> None:
    channel = sender(telling := Telling())
    await sent(channel, 1, 2)
    await channel.lookup(page(1, handle="C1:1"))
    assert [one.handle for one in telling.asked] == ["C1:1", None]


async def test_what_was_taken_alone_is_found_with_its_handle() -> None:
    channel = sender(Telling(), per_minute=9)
    await sent(channel, 1)
    assert await channel.lookup(page(1)) == LookupResult(True, "h")


@pytest.mark.parametrize("numbers", [(1,), (1, 2)])
async def test_what_was_not_taken_is_certain(numbers: tuple[int, ...]) -> None:
    channel = sender(Telling(takes=False))
    await sent(channel, *numbers)
    assert await channel.lookup(page(1)) == LookupResult(False)


async def test_every_try_is_looked_for_not_only_the_last() -> None:
    channel = sender(telling := Telling())
    await sent(channel, 1, 2)
    telling.takes = False
    await sent(channel, 1, 3)
    assert await channel.lookup(page(1)) == LookupResult(True)
    assert await channel.lookup(page(3)) == LookupResult(False)


async def test_what_another_process_sent_alone_is_found_and_else_nothing_is_certain() -> None:
    telling = Telling()
    await sent(sender(telling), 1, 2)
    await sent(sender(telling), 3)
    after_a_restart = sender(telling)
    assert await after_a_restart.lookup(page(1)) == LookupResult(None)
    assert await after_a_restart.lookup(page(3)) == LookupResult(True, "h")


async def test_an_uncertain_lookup_is_not_taken_for_not_found() -> None:
    channel = sender(Telling(can_tell=False))
    await sent(channel, 1, 2)
    assert await channel.lookup(page(1)) == LookupResult(None)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "_MESSAGES_KEPT", 2)
    channel = sender(Telling(takes=False))
    await sent(channel, 1, 2, 3)
    found = [(await channel.lookup(page(n))).delivered for n in (1, 2, 3)]
    assert found == [None, False, False]
    for other in range(4, 8):
        await sent(channel, 3, other)
    assert await channel.lookup(page(3)) == LookupResult(None)
