"""What the poller tells while nothing answers: the last that was seen, and since when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from dexwatch.console.live.health import HealthSummary
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.live.subscription import Message, Subscription
from dexwatch.dashboards.board import Level

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SINCE = "nothing has answered since 2026-03-02 08:00:00 UTC"


def published(summary):
    text = summary.status.detail
    return (Message("status", "status", text, hash(text)),)


class Asked:
    """Answers once; then it hangs, or fails as nobody foresaw."""

    def __init__(self, fault: str) -> None:
        self.fault, self.answered = fault, False

    async def observe(self, now) -> HealthSummary:
        if self.answered and self.fault == "hangs":
            await asyncio.Event().wait()
        if self.answered:
            raise KeyError("an odd alert")
        self.answered = True
        return HealthSummary(now())


@pytest.fixture(params=["hangs", "raises"])
async def rested(request) -> AsyncIterator[HealthPoller]:
    """It has answered once, three hours ago, and nobody has looked since."""
    moment = [NOW]
    poller = HealthPoller(Asked(request.param), published, now=lambda: moment[0])
    assert (await poller.summary(wait=5)).well
    await poller.close()
    moment[0] += timedelta(hours=3)
    yield poller
    await poller.close()


async def test_an_old_ok_status_is_not_shown_as_the_present_one(rested):
    shown = await rested.summary(wait=0.05)
    assert shown.status.level is Level.UNKNOWN
    assert shown.blind == (SINCE,)
    assert not shown.well


async def test_a_viewer_of_the_stream_gets_no_old_status_either(rested):
    viewer = Subscription()
    with rested.watch(viewer):
        assert [one.text for one in await viewer.take(5)] == [SINCE]


async def test_viewers_learn_that_the_answers_have_ceased(monkeypatch):
    monkeypatch.setattr("dexwatch.console.live.poller.POLL_SECONDS", 0.05)
    moment, asked, viewer = [NOW], Asked("hangs"), Subscription()
    poller = HealthPoller(asked, published, now=lambda: moment[0])
    with poller.watch(viewer):
        assert [one.text for one in await viewer.take(5)] != [SINCE]
        moment[0] += timedelta(seconds=11)
        assert [one.text for one in await viewer.take(5)] == [SINCE]
    await poller.close()


async def test_before_the_first_answer_nothing_is_well():
    asked = Asked("hangs")
    asked.answered = True
    poller = HealthPoller(asked, published, now=lambda: NOW)
    assert (await poller.summary(wait=0.05)).blind == ("nothing has answered yet",)
    await poller.close()
