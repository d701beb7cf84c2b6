"""One piece of work, one attempt, one honest outcome; and the loop that does them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from dexwatch.clock import now
from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.notice import Chart, Notice
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.metrics import own
from dexwatch.metrics.severity import Severity
from dexwatch.response import dispatch as module
from dexwatch.response import work as timing
from dexwatch.response.dispatch import Deliver
from dexwatch.response.notifier import DeliveryResult, LookupResult
from dexwatch.response.self_metrics import Figures
from dexwatch.response.store import StoreUnavailableError
from dexwatch.response.work import Settled, Work, WorkKind, next_try
from dexwatch.response.worker import Sweeper
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, at, clear, fire
from tests.fakes.notices import CHART


@dataclass
class Channel:
    """A notifier that does as it is told."""

    name: str = "email"
    parallel: int = 2
    only_state_changes: bool = True
    shows_chart: bool = True
    attempt_seconds: float | None = None
    sent: list[Notice] = field(default_factory=list)
    answer: DeliveryResult | Exception = field(default_factory=DeliveryResult.delivered)
    delivered: bool | None = None
    takes: float = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        self.sent.append(notice)
        await asyncio.sleep(self.takes)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def lookup(self, notice: Notice) -> LookupResult:
        return LookupResult(self.delivered, "found")


class Charts:
    def __init__(self, takes: float) -> None:
        self.takes = takes

    async def chart(
        self, query: str, *, title: str, unit: str, limit: float | None, at: datetime
    ) -> Chart | None:
        await asyncio.sleep(self.takes)
        assert (query, unit, limit) == ("up", "ratio", 0.5)
        return CHART


SAYS = {
    "summary": "s",
    "query": "up",
    "unit": "ratio",
    "threshold": "0.5",
    "runbook_url": "/runbooks/X",
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", POLICY)
    yield opened
    await opened.close()


async def take(store: SqlStore, seconds: float, channel: str = "email") -> timing.Work:
    room = {"slack": 0, "email": 0} | {channel: 1}
    return (await store.claim(owner="me", now=at(seconds), room=room))[0]


def doer(store: SqlStore, channel: Channel, *, charts: Charts | None = None) -> Deliver:
    return Deliver(
        store, {channel.name: channel}, lambda: at(1), public_url="http://c/", charts=charts
    )


async def test_a_page_carries_its_graph_and_its_addresses(store: SqlStore) -> None:
    await store.apply([fire(annotations=SAYS)], at(0))
    channel = Channel()
    settled = await doer(store, channel, charts=Charts(0))(await take(store, 0))
    assert settled.result is DeliveryOutcome.DELIVERED
    notice = channel.sent[0]
    assert notice.chart is CHART
    assert notice.console_url == "http://c/incidents/INC-1"
    assert notice.runbook_url == "http://c/runbooks/X"


async def test_a_p0_does_not_wait_for_a_slow_graph(store: SqlStore) -> None:
    await store.apply([fire(annotations=SAYS)], at(0))
    channel = Channel()
    work = await take(store, 0)
    async with asyncio.timeout(5):
        await doer(store, channel, charts=Charts(30))(work)
    assert channel.sent[0].chart is None


async def test_a_broken_notifier_is_tried_again_and_its_words_are_not_told(
    store: SqlStore,
) -> None:
    await store.apply([fire()], at(0))
    settled = await doer(store, Channel(answer=RuntimeError("s3cret")))(await take(store, 0))
    assert settled.result is DeliveryOutcome.RETRYABLE
    assert "s3cret" not in repr(settled)
    assert settled.due_at > at(1)


async def test_an_attempt_without_an_answer_is_unknown(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    await store.apply([fire()], at(0))
    settled = await doer(store, Channel(takes=5))(await take(store, 0))
    assert settled.result is DeliveryOutcome.UNKNOWN


@pytest.mark.parametrize(("delivered", "sends"), [(True, 0), (False, 1), (None, 1)])
async def test_in_doubt_the_receiver_is_asked_first(
    store: SqlStore, delivered: bool | None, sends: int
) -> None:
    await store.apply([fire()], at(0))
    await take(store, 0)
    work = await take(store, 60)
    assert work.doubt
    channel = Channel(delivered=delivered)
    settled = await doer(store, channel)(work)
    assert settled.result is DeliveryOutcome.DELIVERED
    assert len(channel.sent) == sends


async def test_an_update_waits_for_its_page_and_tells_nothing_twice(store: SqlStore) -> None:
    await store.apply([fire("DiskUse60", "P3", annotations=SAYS)], at(0))
    channel = Channel()
    do = doer(store, channel)
    page = await take(store, 0)
    await store.apply([Acknowledged("INC-1", "bo", "1")], at(1))
    update = await take(store, 1)
    assert update.kind is WorkKind.UPDATE
    early = await do(update)
    assert (early.result, early.counts, channel.sent) == (DeliveryOutcome.RETRYABLE, False, [])
    await store.settle(update, early, at(1))
    # The page goes out after the acknowledgement and shows it: nothing is left to tell.
    await store.settle(page, await do(page), at(2))
    update = await take(store, 20)
    assert (await do(update)).detail == "nothing new"
    await store.settle(update, await do(update), at(20))
    await store.apply([clear("DiskUse60", "P3")], at(30))
    update = await take(store, 30)
    assert (await do(update)).result is DeliveryOutcome.DELIVERED
    assert [n.state.value for n in channel.sent] == ["acknowledged", "resolved"]


async def test_work_for_a_channel_that_is_gone_is_hopeless(store: SqlStore) -> None:
    await store.apply([fire()], at(0))
    settled = await doer(store, Channel(name="pigeon"))(await take(store, 0))
    assert settled.result is DeliveryOutcome.FAILED


async def test_back_off_doubles_is_bounded_and_ends(store: SqlStore) -> None:
    await store.apply([fire()], at(0))
    work = await take(store, 0)
    waits = []
    for attempts in range(1, 12):
        due = next_try(replace(work, attempts=attempts), at(0))
        waits.append((due - at(0)).total_seconds())
    assert 0.8 <= waits[0] <= 1.2
    assert max(waits) <= 36
    assert next_try(work, at(0), retry_after=9999) == at(300)
    assert next_try(work, at(7 * 3600)) is None


async def test_the_loop_finishes_what_is_under_way_and_leaves_the_rest(store: SqlStore) -> None:
    channel = Channel(takes=0.3, shows_chart=False)
    figures = Figures()
    stop = asyncio.Event()
    sweeper = Sweeper(
        store,
        Deliver(store, {"email": channel}, now),
        now,
        owner="me",
        parallel={"email": 1, "slack": 0},
        on_settled=lambda work, settled: figures.settled(work, settled, now()),
    )
    running = asyncio.create_task(sweeper.run(stop))
    await store.apply([fire()], now())
    sweeper.wake()
    async with asyncio.timeout(10):
        while not channel.sent:
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert len(channel.sent) == 1
    view = await store.incident("INC-1")
    assert sorted(p.state.value for p in view.pages) == ["delivered", "planned", "planned"]
    latency = next(s for s in figures.samples() if s.metric is own.notification_seconds)
    assert (latency.value.total, latency.labels["severity"]) == (1, Severity.P0.value)
    assert latency.value.counts[-1] == 1


async def test_a_store_that_fails_for_a_while_stops_nothing() -> None:
    calls: list[str] = []

    class Flaky:
        async def claim(self, **_: object) -> list:
            calls.append("claim")
            if len(calls) < 3:
                raise StoreUnavailableError("down")
            stop.set()
            return []

    stop = asyncio.Event()

    async def do(_: object) -> Settled:
        raise AssertionError

    sweeper = Sweeper(Flaky(), do, now, owner="me", parallel={"email": 1}, poll_seconds=0.01)
    async with asyncio.timeout(5):
        await sweeper.run(stop)
    assert len(calls) == 3


async def test_slow_mails_about_little_do_not_hold_up_a_p0(store: SqlStore) -> None:
    for n in range(6):
        await store.apply([fire(f"Disk{n}", "P3", alert_group=f"disk{n}")], at(0))
    released, stop = asyncio.Event(), asyncio.Event()
    begun: asyncio.Queue[Severity] = asyncio.Queue()

    async def slowly(work: Work) -> Settled:
        begun.put_nowait(work.severity)
        await released.wait()
        return Settled(DeliveryOutcome.DELIVERED)

    sweeper = Sweeper(store, slowly, lambda: at(2), owner="me", parallel={"email": 4, "slack": 4})
    running = asyncio.create_task(sweeper.run(stop))
    async with asyncio.timeout(20):
        assert [await begun.get() for _ in range(3)] == [Severity.P3] * 3
        await store.apply([fire()], at(1))
        sweeper.wake()
        assert await begun.get() is Severity.P0
        released.set()
        stop.set()
        await running


async def test_a_look_for_work_that_fails_oddly_is_repeated() -> None:
    calls, stop = 0, asyncio.Event()

    class Odd:
        async def claim(self, **_: object) -> list:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ValueError("odd")
            stop.set()
            return []

    async def do(_: object) -> Settled:
        raise AssertionError

    sweeper = Sweeper(Odd(), do, now, owner="me", parallel={"email": 1}, poll_seconds=0.01)
    async with asyncio.timeout(5):
        await sweeper.run(stop)
    assert calls == 2
