"""Live panels: one question a panel, however many people watch it.

A panel is a topic. It is asked at its own rate while somebody watches, and a little longer, so that
a reload finds it warm. Each viewer holds at most one waiting message a topic: the newest. A topic
asks again only after its last question was answered, so slow queries never pile up; while
Prometheus does not answer, the last data is shown as stale and the questions back off.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from dexwatch import clock
from dexwatch.clients.http import SourceError
from dexwatch.console.live.empty_panels import ON_THEIR_WAY, explained
from dexwatch.console.live.panel_data import PanelData, draw
from dexwatch.console.live.ranges import PanelSource, TimeRange
from dexwatch.console.live.subscription import Message, Subscription
from dexwatch.console.protocols import Now, Queries
from dexwatch.dashboards.board import Board, Panel
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import SteppedWindows

log = structlog.get_logger(__name__)

LINGER_SECONDS = 20.0
BACK_OFF_SECONDS = 60.0
AWAITED_SECONDS = 2.0
"""Between two questions while a panel's first figures are on their way."""
AT_ONCE = 4
"""Questions to Prometheus at the same time; on a small machine more only makes all of them slow."""


@dataclass
class Topic:
    """A panel over a time range that is being asked, with its viewers and newest data."""

    name: str
    panel: Panel
    source: PanelSource
    every: float
    subscriptions: set[Subscription] = field(default_factory=set)
    data: PanelData | None = None
    first: asyncio.Event = field(default_factory=asyncio.Event)
    wanted_until: float = 0.0
    failures: int = 0
    task: asyncio.Task[None] | None = None

    def tell(self, subscription: Subscription) -> None:
        """Give a viewer the newest data."""
        if self.data is not None:
            text = self.data.json()
            subscription.put(Message(self.name, "panel", text, hash(text)))


class LivePanels:
    """Shares every panel's answers between all viewers; `speed` multiplies the refresh rates."""

    def __init__(
        self,
        queries: Queries,
        profile: EvaluationProfile,
        *,
        speed: float = 1.0,
        now: Now = clock.now,
    ) -> None:
        self._queries, self._profile, self._speed, self._now = queries, profile, speed, now
        self._topics: dict[str, Topic] = {}
        self._place = asyncio.Semaphore(AT_ONCE)

    @property
    def quick(self) -> bool:
        """Do panels refresh more often than the boards say?"""
        return self._speed > 1

    def every(self, board: Board, panel: Panel) -> float:
        """Return the seconds between two refreshes of a panel."""
        return max(1.0, board.refresh(panel) / self._speed)

    async def newest(
        self, board: Board, time_range: TimeRange, *, wait: float
    ) -> dict[str, PanelData]:
        """Return the newest data, waiting at most `wait` seconds for panels without any."""
        topics = [self._topic(board, panel, time_range) for panel in board.panels]
        try:
            async with asyncio.timeout(wait):
                await asyncio.gather(*(topic.first.wait() for topic in topics))
        except TimeoutError:
            pass
        return {topic.panel.id: topic.data for topic in topics if topic.data}

    @contextmanager
    def watch(
        self, board: Board, time_range: TimeRange, subscription: Subscription
    ) -> Iterator[None]:
        """Tell a subscription of the board's panels as long as the context is open."""
        topics = [self._topic(board, panel, time_range) for panel in board.panels]
        for topic in topics:
            topic.subscriptions.add(subscription)
            topic.tell(subscription)
        try:
            yield
        finally:
            for topic in topics:
                topic.subscriptions.discard(subscription)
                topic.wanted_until = clock.monotonic() + LINGER_SECONDS

    async def close(self) -> None:
        """Stop asking."""
        running = [topic.task for topic in self._topics.values() if topic.task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._topics.clear()

    def _topic(self, board: Board, panel: Panel, time_range: TimeRange) -> Topic:
        name = f"{board.id}/{panel.id}/{time_range.name}"
        topic = self._topics.get(name)
        if topic is None or topic.task is None or topic.task.done():
            source = PanelSource(panel, time_range, self._profile, self._queries)
            topic = Topic(name, panel, source, self.every(board, panel))
            self._topics[name] = topic
            topic.task = asyncio.create_task(self._run(topic), name=f"panel {name}")
        topic.wanted_until = clock.monotonic() + LINGER_SECONDS
        return topic

    async def _run(self, topic: Topic) -> None:
        while topic.subscriptions or clock.monotonic() < topic.wanted_until:
            started = clock.monotonic()
            topic.data = await self._refresh(topic)
            topic.first.set()
            for subscription in topic.subscriptions:
                topic.tell(subscription)
            every = topic.every
            if topic.data.note == ON_THEIR_WAY:
                every = min(every, AWAITED_SECONDS)
            pause = min(every * 2**topic.failures, BACK_OFF_SECONDS + every)
            # A question slower than the refresh rate is followed by a rest as long as itself.
            took = clock.monotonic() - started
            await asyncio.sleep(max(pause - took, min(took, BACK_OFF_SECONDS), 0.2))
        if self._topics.get(topic.name) is topic:
            del self._topics[topic.name]

    async def _refresh(self, topic: Topic) -> PanelData:
        try:
            async with self._place:
                answer = await topic.source.answer(self._now().timestamp())
            topic.failures = 0
            return await explained(
                topic.panel,
                draw(topic.panel, answer),
                windows=SteppedWindows(self._profile),
                queries=self._queries,
            )
        except SourceError as error:
            note = f"Prometheus gave no answer ({error}); asking again with growing pauses."
        except Exception:
            # One broken panel must not take the page, or the other viewers, with it.
            log.exception("panel_failed", panel=topic.panel.id)
            note = "The console could not draw this panel; its log says why."
        topic.failures = min(topic.failures + 1, 6)
        old = topic.data or PanelData(topic.panel.id, "failed", self._now().timestamp())
        return old.stale(note)
