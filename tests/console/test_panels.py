"""Live panels: one question a panel however many viewers, no pile-up, honest about silence."""

import asyncio
import json
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import Point, Series
from dexwatch.console.live.histories import Histories
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.ranges import TIME_RANGES, PanelSource, RangeCache
from dexwatch.console.live.subscription import Message, Subscription
from dexwatch.dashboards.board import (
    Board,
    Panel,
    PanelKind,
    Query,
    Section,
)
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.scrape_class import HIGH


class Questions:
    """Counts what is asked; `gate` holds answers back, `broken` refuses them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float, float]] = []
        self.at_once = self.most_at_once = 0
        self.broken = False
        self.gate: asyncio.Event | None = None

    async def query(self, expression, *, at=None):
        await self._held(expression, at, at)
        return (Series({"pool": "A"}, (Point(at, 7.0),)),)

    async def query_range(self, expression, *, start, end, step_seconds):
        await self._held(expression, start, end)
        count = round((end - start) / step_seconds)
        points = tuple(Point(start + n * step_seconds, float(n)) for n in range(count + 1))
        return (Series({"pool": "A"}, points),)

    async def _held(self, expression, start, end):
        self.asked.append((expression, start, end))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate:
                await self.gate.wait()
            if self.broken:
                raise SourceError(Outcome.CONNECTION, "refused")
        finally:
            self.at_once -= 1


def panel(name, kind=PanelKind.TIMESERIES):
    query = Query(lambda w: f"rate({name}[{w.window(60, HIGH)}])", "{{pool}}")
    return Panel(name, name, (query,), Unit.COUNT, "Good.", ("X",), empty="Empty.", kind=kind)


def board(*names, refresh=1):
    panels = tuple(panel(name) for name in names)
    return Board("test", "Test", "Why?", refresh, (Section("All", panels),), "D-TEST")


@pytest.fixture
async def asked():
    return Questions()


@pytest.fixture
async def panels(asked):
    panels = LivePanels(asked, PRODUCTION)
    yield panels
    await panels.close()


@pytest.fixture
async def histories(asked):
    histories = Histories(asked, PRODUCTION, most_kept=20, most_waiting=10)
    yield histories
    await histories.close()


def told(messages):
    return [json.loads(message.text) for message in messages]


SPAN = TIME_RANGES["15m"]


async def test_many_viewers_cost_as_many_questions_as_one(asked, panels):
    shown = board("a", "b", refresh=60)
    subscriptions = [Subscription() for _ in range(20)]
    with ExitStack() as stack:
        for subscription in subscriptions:
            stack.enter_context(panels.watch(shown, SPAN, subscription))
        for subscription in subscriptions:
            found = []
            while len(found) < 2:
                found += told(await subscription.take(2))
            assert {one["panel"] for one in found} == {"a", "b"}
    assert len(asked.asked) == 2


@settings(max_examples=15)
@given(viewers=st.integers(1, 30), count=st.integers(1, 6))
async def test_questions_grow_with_panels_never_with_viewers(viewers, count):
    asked = Questions()
    panels = LivePanels(asked, PRODUCTION)
    shown = board(*(f"p{n}" for n in range(count)), refresh=60)
    await asyncio.gather(*(panels.newest(shown, SPAN, wait=2) for _ in range(viewers)))
    assert len(asked.asked) == count
    assert asked.most_at_once <= 4
    await panels.close()


async def test_slow_questions_do_not_pile_up(asked, panels):
    asked.gate = asyncio.Event()
    shown = board("a", refresh=1)
    for _ in range(5):
        assert await panels.newest(shown, SPAN, wait=0.01) == {}
    assert len(asked.asked) == 1
    asked.gate.set()
    assert (await panels.newest(shown, SPAN, wait=2))["a"].state == "ok"


async def test_when_prometheus_goes_the_last_answer_stays_and_is_called_stale(asked, panels):
    subscription = Subscription()
    with panels.watch(board("a", refresh=1), SPAN, subscription):
        (first,) = told(await subscription.take(2))
        assert first["state"] == "ok"
        asked.broken = True
        (second,) = told(await subscription.take(5))
    assert second["state"] == "stale"
    assert second["body"] == first["body"]
    assert second["at"] == first["at"]
    assert "refused" in second["note"]


async def test_a_panel_that_never_had_an_answer_says_that_it_failed(asked, panels):
    asked.broken = True
    found = await panels.newest(board("a"), SPAN, wait=2)
    assert found["a"].state == "failed"
    assert found["a"].body == {}


async def test_a_second_refresh_asks_only_for_the_new_end():
    asked = Questions()
    cache = RangeCache("x", 10.0)
    await cache.extend(asked, 100, 190)
    await cache.extend(asked, 102, 192)
    _, start, end = asked.asked[-1]
    assert (start, end) == (1890.0, 1920.0)
    (series,) = cache.series(102, 192)
    assert len(series.values) == 91
    assert None not in series.values


async def test_a_figure_is_one_question_a_refresh():
    asked = Questions()
    source = PanelSource(panel("a", PanelKind.STAT), SPAN, PRODUCTION, asked)
    await source.answer(9_000.0)
    assert len(asked.asked) == 2, "the newest value, and once its trend"
    for second in range(1, 10):
        answer = await source.answer(9_000.0 + second)
        assert answer.latest[0][0][1] == 7.0
    assert len(asked.asked) == 2 + 9
    await source.answer(9_000.0 + SPAN.seconds / 60)
    assert len(asked.asked) == 2 + 9 + 2, "the trend's next point is due"


async def test_history_is_asked_once_and_shared(asked, histories):
    shown = board("a")
    found = await asyncio.gather(
        *(histories.panel(shown, shown.panels[0], 1000.0, 4000.0) for _ in range(10))
    )
    assert len(asked.asked) == 1
    assert {one.state for one in found} == {"ok"}


async def test_history_that_failed_is_asked_again(asked, histories):
    shown = board("a")
    asked.broken = True
    assert (await histories.panel(shown, shown.panels[0], 1000.0, 4000.0)).state == "failed"
    asked.broken = False
    assert (await histories.panel(shown, shown.panels[0], 1000.0, 4000.0)).state == "ok"


async def test_panels_of_the_same_name_with_other_queries_share_nothing(asked, histories):
    def graph(name):
        query = Query(lambda w: name, "{{pool}}")
        return Panel("graph-0", name, (query,), Unit.COUNT, "Good.", (), empty="Empty.")

    for name in ("one", "two"):
        await histories.panel(board("a"), graph(name), 1000.0, 4000.0)
    assert [expression for expression, _, _ in asked.asked] == ["one", "two"]


async def test_too_many_waiting_histories_are_refused_and_answered_later(asked, histories):
    asked.gate = asyncio.Event()
    shown = board("a")
    waiting = [
        asyncio.create_task(histories.panel(shown, shown.panels[0], 1000.0, 4000.0 + 20 * n))
        for n in range(10)
    ]
    await asyncio.sleep(0)
    refused = await histories.panel(shown, shown.panels[0], 1.0, 400.0)
    assert refused.state == "failed"
    assert "Too many" in refused.note
    asked.gate.set()
    assert {one.state for one in await asyncio.gather(*waiting)} == {"ok"}
    assert (await histories.panel(shown, shown.panels[0], 1.0, 400.0)).state == "ok"


async def test_kept_histories_are_bounded(histories):
    shown = board("a")
    for n in range(25):
        await histories.panel(shown, shown.panels[0], 1000.0, 4000.0 + 20 * n)
    assert histories.kept == 20


async def test_one_session_asks_for_one_history_at_a_time_and_others_pass(asked, histories):
    asked.gate = asyncio.Event()
    shown = board("a")

    def ask(n, session):
        return asyncio.create_task(
            histories.panel(shown, shown.panels[0], 1000.0, 4000.0 + 20 * n, session=session)
        )

    greedy = [ask(n, "greedy") for n in range(8)]
    await asyncio.sleep(0.01)
    assert asked.at_once == 1
    other = ask(20, "other")
    await asyncio.sleep(0.01)
    assert asked.at_once == 2
    asked.gate.set()
    await asyncio.gather(*greedy, other)


async def test_histories_never_take_the_places_of_live_panels(asked, panels, histories):
    asked.gate = asyncio.Event()
    shown = board("a")
    greedy = [
        asyncio.create_task(
            histories.panel(shown, shown.panels[0], 1.0, 4000.0 + 20 * n, session=str(n))
        )
        for n in range(8)
    ]
    await asyncio.sleep(0.01)
    assert asked.at_once == 2
    live = asyncio.create_task(panels.newest(board("b", "c"), SPAN, wait=5))
    await asyncio.sleep(0.01)
    assert asked.at_once == 4, "both live panels are asked at once all the same"
    asked.gate.set()
    assert len(await live) == 2
    await asyncio.gather(*greedy)


async def test_long_spans_are_asked_in_coarser_steps(asked, histories):
    shown, days = board("a"), 31 * 86_400.0
    data = await histories.panel(shown, shown.panels[0], 0.0, days)
    assert len(data.body["times"]) <= 152


async def test_a_slow_viewer_holds_only_the_newest_and_gets_nothing_twice():
    subscription = Subscription()
    for n in range(1000):
        subscription.put(Message("a", "panel", str(n), n))
    assert [one.text for one in await subscription.take(1)] == ["999"]
    subscription.put(Message("a", "panel", "999", 999))
    assert await subscription.take(0.01) == []
