"""Past spans of panels: asked once, shared by all who zoom to them, and never in the way of others.

Histories have a place of their own beside the live panels, and each session runs one at a time, so
that a viewer who zooms often delays himself alone. Long spans are asked in coarser steps.
"""

import asyncio
import weakref
from collections import OrderedDict
from itertools import islice

from dexwatch import clock
from dexwatch.clients.http import SourceError
from dexwatch.console.live.panel_data import PanelData, draw
from dexwatch.console.live.ranges import ask_range
from dexwatch.console.protocols import Now, Queries
from dexwatch.dashboards.board import Board, Panel
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import SteppedWindows

AT_ONCE = 2
"""Histories that are asked of Prometheus at the same time, besides the live panels."""
MOST_KEPT = 200
MOST_WAITING = 100
"""Several boards' worth, fewer than are kept, so that there always is a finished one to forget."""
POINTS = 300
LONG_SECONDS = 3 * 86_400
LONG_POINTS = 150
"""Of a span of more than three days: each point costs a window of hours."""
BUSY = "Too many graphs are being asked for at once. Try again in a moment."

_Key = tuple[object, ...]


class Histories:
    """Answers for a panel between two moments in the past."""

    def __init__(
        self,
        queries: Queries,
        profile: EvaluationProfile,
        *,
        now: Now = clock.now,
        at_once: int = AT_ONCE,
        most_kept: int = MOST_KEPT,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._queries, self._profile, self._now = queries, profile, now
        self._most_kept, self._most_waiting = most_kept, most_waiting
        self._place = asyncio.Semaphore(at_once)
        self._tasks: OrderedDict[_Key, asyncio.Task[PanelData]] = OrderedDict()
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    @property
    def kept(self) -> int:
        """How many are remembered or under way."""
        return len(self._tasks)

    async def panel(
        self, board: Board, panel: Panel, start: float, end: float, *, session: str = ""
    ) -> PanelData:
        """Return a panel over a past span, in Unix seconds; one at a time for each session."""
        points = POINTS if end - start <= LONG_SECONDS else LONG_POINTS
        step = float(max(1, round((end - start) / points)))
        first, last = start // step, end // step
        # The panel's own content is in the key: each incident draws its own under the same ids.
        windows = SteppedWindows(self._profile, step)
        asked = tuple((query.promql(windows), query.legend) for query in panel.queries)
        drawn = (panel.kind, panel.unit, panel.thresholds)
        key = (board.id, panel.id, asked, drawn, step, first, last)
        task = self._tasks.get(key)
        if task is None or (task.done() and task.exception() is not None):
            if sum(not one.done() for one in self._tasks.values()) >= self._most_waiting:
                return PanelData(panel.id, "failed", self._now().timestamp(), BUSY)
            turn = self._turns.setdefault(session, asyncio.Lock())
            task = asyncio.create_task(self._ask(panel, first * step, last * step, step, turn))
            self._tasks[key] = task
            self._forget()
        self._tasks.move_to_end(key)
        try:
            return await asyncio.shield(task)
        except SourceError as error:
            note = f"Prometheus gave no answer ({error}); try again."
            return PanelData(panel.id, "failed", self._now().timestamp(), note)

    async def close(self) -> None:
        """Stop asking."""
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._tasks.clear()

    async def _ask(
        self, panel: Panel, start: float, end: float, step: float, turn: asyncio.Lock
    ) -> PanelData:
        async with turn, self._place:
            answer = await ask_range(
                panel, self._profile, self._queries, start=start, end=end, step=step
            )
        return draw(panel, answer)

    def _forget(self) -> None:
        """Drop the least used finished ones; whoever waits for one keeps it."""
        over = len(self._tasks) - self._most_kept
        if over > 0:
            finished = (key for key, task in self._tasks.items() if task.done())
            for key in tuple(islice(finished, over)):
                del self._tasks[key]
