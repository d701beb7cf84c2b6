"""The hub: one question a panel however many viewers, no pile-up, honest about silence."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import Point, Series
from dexwatch.console.live.feed import SPANS, Strip
from dexwatch.console.live.hub import MOST_HISTORIES, MOST_WAITING, Hub
from dexwatch.console.live.watcher import Watcher
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
    return Panel(name, name, kind, (query,), Unit.COUNT, "Good.", ("X",), "Empty.")


def board(*names, refresh=1):
    panels = tuple(panel(name) for name in names)
    return Board("test", "Test", "Why?", refresh, (Section("All", panels),), "D-TEST")


@pytest.fixture
async def asked():
    return Questions()


@pytest.fixture
async def hub(asked):
    hub = Hub(asked, PRODUCTION)
    yield hub
    await hub.close()


SPAN = SPANS["15m"]


async def test_many_viewers_cost_as_many_questions_as_one(asked, hub):
    shown = board("a", "b", refresh=60)
    watchers = [Watcher() for _ in range(20)]
    contexts = [hub.watch(shown, SPAN, watcher) for watcher in watchers]
    for context in contexts:
        context.__enter__()
    for watcher in watchers:
        frames = []
        while len(frames) < 2:
            frames += await watcher.take(2)
        assert {frame.panel for frame in frames} == {"a", "b"}
    assert len(asked.asked) == 2
    for context in contexts:
        context.__exit__(None, None, None)


@settings(max_examples=15, deadline=None)
@given(viewers=st.integers(1, 30), panels=st.integers(1, 6))
async def test_questions_grow_with_panels_never_with_viewers(viewers, panels):
    asked = Questions()
    hub = Hub(asked, PRODUCTION)
    shown = board(*(f"p{n}" for n in range(panels)), refresh=60)
    await asyncio.gather(*(hub.prime(shown, SPAN, wait=2) for _ in range(viewers)))
    assert len(asked.asked) == panels
    assert asked.most_at_once <= 4
    await hub.close()


async def test_slow_questions_do_not_pile_up(asked, hub):
    asked.gate = asyncio.Event()
    shown = board("a", refresh=1)
    for _ in range(5):
        assert await hub.prime(shown, SPAN, wait=0.01) == {}
    assert len(asked.asked) == 1
    asked.gate.set()
    assert (await hub.prime(shown, SPAN, wait=2))["a"].state == "ok"


async def test_when_prometheus_goes_the_last_answer_stays_and_is_called_stale(asked, hub):
    shown = board("a", refresh=1)
    watcher = Watcher()
    with hub.watch(shown, SPAN, watcher):
        (first,) = await watcher.take(2)
        assert first.state == "ok"
        asked.broken = True
        (second,) = await watcher.take(5)
    assert second.state == "stale"
    assert second.body == first.body
    assert second.at == first.at
    assert "refused" in second.note


async def test_a_panel_that_never_had_an_answer_says_that_it_failed(asked, hub):
    asked.broken = True
    frames = await hub.prime(board("a"), SPAN, wait=2)
    assert frames["a"].state == "failed"
    assert frames["a"].body == {}


async def test_a_second_refresh_asks_only_for_the_new_end():
    asked = Questions()
    strip = Strip("x", 10.0)
    await strip.extend(asked, 100, 190)
    await strip.extend(asked, 102, 192)
    _, start, end = asked.asked[-1]
    assert (start, end) == (1890.0, 1920.0)
    (track,) = strip.tracks(102, 192)
    assert len(track.values) == 91
    assert None not in track.values


async def test_history_is_asked_once_and_shared(asked, hub):
    shown = board("a")
    frames = await asyncio.gather(
        *(hub.history(shown, shown.panels[0], 1000.0, 4000.0) for _ in range(10))
    )
    assert len(asked.asked) == 1
    assert {frame.state for frame in frames} == {"ok"}


async def test_history_that_failed_is_asked_again(asked, hub):
    shown = board("a")
    asked.broken = True
    assert (await hub.history(shown, shown.panels[0], 1000.0, 4000.0)).state == "failed"
    asked.broken = False
    assert (await hub.history(shown, shown.panels[0], 1000.0, 4000.0)).state == "ok"


async def test_panels_of_the_same_name_with_other_queries_share_nothing(asked, hub):
    def graph(name):
        query = Query(lambda w: name, "{{pool}}")
        return Panel(
            "graph-0", name, PanelKind.TIMESERIES, (query,), Unit.COUNT, "Good.", (), "Empty."
        )

    for name in ("one", "two"):
        await hub.history(board("a"), graph(name), 1000.0, 4000.0)
    assert [expression for expression, _, _ in asked.asked] == ["one", "two"]


async def test_too_many_waiting_histories_are_refused_and_answered_later(asked, hub):
    asked.gate = asyncio.Event()
    shown = board("a")
    waiting = [
        asyncio.create_task(hub.history(shown, shown.panels[0], 1000.0, 4000.0 + 20 * n))
        for n in range(MOST_WAITING)
    ]
    await asyncio.sleep(0)
    refused = await hub.history(shown, shown.panels[0], 1.0, 400.0)
    assert refused.state == "failed"
    assert "Too many" in refused.note
    asked.gate.set()
    assert {frame.state for frame in await asyncio.gather(*waiting)} == {"ok"}
    assert (await hub.history(shown, shown.panels[0], 1.0, 400.0)).state == "ok"


async def test_kept_histories_are_bounded(hub):
    shown = board("a")
    for n in range(MOST_HISTORIES + 10):
        await hub.history(shown, shown.panels[0], 1000.0, 4000.0 + 20 * n)
    assert len(hub._histories) == MOST_HISTORIES


async def test_a_slow_viewer_holds_only_the_newest_frame():
    watcher = Watcher()
    for n in range(1000):
        watcher.put("a", n)
    assert await watcher.take(1) == [999]
