"""Live panels: one query a panel, however many people watch it.

A feed is asked at its panel's rate while somebody watches, and a little longer, so that a reload
finds it warm. Each watcher holds at most one waiting frame a panel: the newest. A feed asks again
only after its last question was answered, so slow queries never pile up; while Prometheus does not
answer, the last frame is shown as stale and the questions back off.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import structlog

from dexwatch import clock
from dexwatch.clients.http import SourceError
from dexwatch.console.live.feed import Feed, Span, ask_range
from dexwatch.console.live.frames import Frame, draw
from dexwatch.console.live.watcher import Watcher
from dexwatch.console.protocols import Now, Queries
from dexwatch.dashboards.board import Board, Panel
from dexwatch.metrics.profile import EvaluationProfile

log = structlog.get_logger(__name__)

Key = tuple[str, str, str]
"""Board, panel, span."""

LINGER_SECONDS = 20.0
BACK_OFF_SECONDS = 60.0
AT_ONCE = 4
"""Questions to Prometheus at the same time; on a small machine more only makes all of them slow."""
MOST_HISTORIES = 200
MOST_WAITING = 100
"""Histories that wait for Prometheus at the same time; several boards' worth, fewer than are kept,
so that there always is a finished one to forget."""
HISTORY_POINTS = 300
BUSY = "Too many graphs are being asked for at once. Try again in a moment."


@dataclass
class _Channel:
    """A running feed with its viewers and newest frame."""

    key: Key
    panel: Panel
    feed: Feed
    every: float
    watchers: set[Watcher] = field(default_factory=set)
    frame: Frame | None = None
    first: asyncio.Event = field(default_factory=asyncio.Event)
    wanted_until: float = 0.0
    failures: int = 0
    task: asyncio.Task[None] | None = None


class Hub:
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
        self._channels: dict[Key, _Channel] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._histories: OrderedDict[tuple[object, ...], asyncio.Task[Frame]] = OrderedDict()

    @property
    def quick(self) -> bool:
        """Do panels refresh more often than the boards say?"""
        return self._speed > 1

    def every(self, board: Board, panel: Panel) -> float:
        """Return the seconds between two refreshes of a panel."""
        return max(1.0, board.refresh(panel) / self._speed)

    async def prime(self, board: Board, span: Span, *, wait: float) -> dict[str, Frame]:
        """Return the newest frames, waiting at most `wait` seconds for panels without one."""
        channels = [self._channel(board, panel, span) for panel in board.panels]
        try:
            async with asyncio.timeout(wait):
                await asyncio.gather(*(channel.first.wait() for channel in channels))
        except TimeoutError:
            pass
        return {channel.panel.id: channel.frame for channel in channels if channel.frame}

    @contextmanager
    def watch(self, board: Board, span: Span, watcher: Watcher) -> Iterator[None]:
        """Put the board's frames into an inbox as long as the context is open."""
        channels = [self._channel(board, panel, span) for panel in board.panels]
        for channel in channels:
            channel.watchers.add(watcher)
            if channel.frame is not None:
                watcher.put(channel.key, channel.frame)
        try:
            yield
        finally:
            for channel in channels:
                channel.watchers.discard(watcher)
                channel.wanted_until = clock.monotonic() + LINGER_SECONDS

    async def history(self, board: Board, panel: Panel, start: float, end: float) -> Frame:
        """Return a panel over a past span; asked once, then shared by all who zoom to it."""
        step = float(max(1, round((end - start) / HISTORY_POINTS)))
        first, last = start // step, end // step
        # The panel's own content is in the key: each incident draws its own under the same ids.
        asked = tuple((query.expression(self._profile), query.legend) for query in panel.queries)
        drawn = (panel.kind, panel.unit, panel.thresholds)
        key = (board.id, panel.id, asked, drawn, step, first, last)
        task = self._histories.get(key)
        if task is None or (task.done() and task.exception() is not None):
            if sum(not one.done() for one in self._histories.values()) >= MOST_WAITING:
                return Frame(panel.id, "failed", self._now().timestamp(), BUSY)
            task = asyncio.create_task(self._past(panel, first * step, last * step, step))
            self._histories[key] = task
            self._forget_histories()
        self._histories.move_to_end(key)
        try:
            return await asyncio.shield(task)
        except SourceError as error:
            return Frame(panel.id, "failed", self._now().timestamp(), _why(error))

    def _forget_histories(self) -> None:
        """Drop the least used finished histories; whoever waits for one keeps it."""
        over = len(self._histories) - MOST_HISTORIES
        if over > 0:
            finished = (key for key, task in self._histories.items() if task.done())
            for key in tuple(islice(finished, over)):
                del self._histories[key]

    async def close(self) -> None:
        """Stop asking."""
        tasks: Iterable[asyncio.Task[None] | asyncio.Task[Frame] | None] = [
            *(channel.task for channel in self._channels.values()),
            *self._histories.values(),
        ]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._channels.clear()
        self._histories.clear()

    async def _past(self, panel: Panel, start: float, end: float, step: float) -> Frame:
        async with self._turn:
            answer = await ask_range(
                panel, self._profile, self._queries, start=start, end=end, step=step
            )
        return draw(panel, answer)

    def _channel(self, board: Board, panel: Panel, span: Span) -> _Channel:
        key = (board.id, panel.id, span.name)
        channel = self._channels.get(key)
        if channel is None or channel.task is None or channel.task.done():
            feed = Feed(panel, span, self._profile, self._queries)
            channel = _Channel(key, panel, feed, self.every(board, panel))
            self._channels[key] = channel
            channel.task = asyncio.create_task(self._run(channel), name=f"feed {'/'.join(key)}")
        channel.wanted_until = clock.monotonic() + LINGER_SECONDS
        return channel

    async def _run(self, channel: _Channel) -> None:
        while channel.watchers or clock.monotonic() < channel.wanted_until:
            started = clock.monotonic()
            channel.frame = await self._refresh(channel)
            channel.first.set()
            for watcher in channel.watchers:
                watcher.put(channel.key, channel.frame)
            pause = min(channel.every * 2**channel.failures, BACK_OFF_SECONDS + channel.every)
            # A question slower than the refresh rate is followed by a rest as long as itself.
            took = clock.monotonic() - started
            await asyncio.sleep(max(pause - took, min(took, BACK_OFF_SECONDS), 0.2))
        if self._channels.get(channel.key) is channel:
            del self._channels[channel.key]

    async def _refresh(self, channel: _Channel) -> Frame:
        try:
            async with self._turn:
                answer = await channel.feed.answer(self._now().timestamp())
            channel.failures = 0
            return draw(channel.panel, answer)
        except SourceError as error:
            note = _why(error)
        except Exception:
            # One broken panel must not take the page, or the other viewers, with it.
            log.exception("panel_failed", panel=channel.panel.id)
            note = "The console could not draw this panel; its log says why."
        channel.failures = min(channel.failures + 1, 6)
        old = channel.frame or Frame(channel.panel.id, "failed", self._now().timestamp())
        return old.stale(note)


def _why(error: SourceError) -> str:
    return f"Prometheus gave no answer ({error}); asking again with growing pauses."
