"""Draws a message's graph as a PNG, off the event loop and never late."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import structlog

from dexwatch.incidents.notice import Graph

_log = structlog.get_logger(__name__)

_INK, _GRID, _LIMIT = "#334155", "#e2e8f0", "#b91c1c"
# Blue, orange, teal, purple, brown, grey: told apart by people who do not see red and green.
_LINES = ("#0369a1", "#c2690c", "#0f766e", "#6d28d9", "#7c4a21", "#64748b")
_MOST_WAITING = 3


class Painter:
    """Draws one picture at a time in a thread; whoever comes when it is busy goes without."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="graph")
        self._waiting = 0

    async def start(self) -> None:
        """Load the drawing library now, because the first picture would wait for it."""
        await asyncio.get_running_loop().run_in_executor(self._thread, _library)

    async def paint(self, graph: Graph, *, seconds: float) -> bytes | None:
        """Return a PNG of 1080 x 432 pixels, or None when it would take longer than `seconds`."""
        if self._waiting >= _MOST_WAITING:
            return None
        self._waiting += 1
        job = asyncio.get_running_loop().run_in_executor(self._thread, _draw, graph)
        job.add_done_callback(self._done)
        try:
            async with asyncio.timeout(seconds):
                # A thread cannot be stopped: the job is left to end by itself.
                return await asyncio.shield(job)
        except TimeoutError:
            return None
        except Exception as error:  # noqa: BLE001 - foreign figures must not stop the message.
            _log.warning("graph.failed", error=type(error).__name__)
            return None

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, job: asyncio.Future[bytes]) -> None:
        self._waiting -= 1
        if not job.cancelled():
            job.exception()


def _library() -> Any:  # noqa: ANN401 - the drawing library is untyped.
    # The object interface only: pyplot keeps global state and figures for ever.
    from matplotlib import dates  # noqa: PLC0415 - it costs 40 MB that only this role pays.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    return dates, FigureCanvasAgg, Figure


def _draw(graph: Graph) -> bytes:
    dates, canvas, figure_type = _library()
    figure = figure_type(figsize=(7.5, 3.0), dpi=144, facecolor="white")
    canvas(figure)
    # A fixed place: measuring texts to lay them out would draw everything twice.
    axes = figure.add_axes((0.085, 0.1, 0.9, 0.85))
    for colour, line in zip(_LINES, graph.lines, strict=False):
        times = [datetime.fromtimestamp(at, UTC) for at, _ in line.points]
        # A dollar sign would begin a formula, which hostile text must not be able to do.
        label = line.label.replace("$", r"\$") or "_value"
        axes.plot(times, [v for _, v in line.points], color=colour, linewidth=1.8, label=label)
    if graph.limit is not None:
        axes.axhline(graph.limit, color=_LIMIT, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.annotate(
            "limit", (1, graph.limit), xycoords=("axes fraction", "data"), color=_LIMIT,
            fontsize=8, ha="right", va="bottom", xytext=(-3, 2), textcoords="offset points",
        )  # fmt: skip
    if graph.event_at is not None:
        axes.axvline(datetime.fromtimestamp(graph.event_at, UTC), color=_INK, linewidth=0.8)
    _dress(axes, dates, graph)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _dress(axes: Any, dates: Any, graph: Graph) -> None:  # noqa: ANN401 - see above.
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=6))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M", tz=UTC))
    axes.set_ylabel(graph.unit.replace("_", " "), color=_INK, fontsize=8)
    axes.tick_params(colors=_INK, labelsize=8, length=0)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    if len(graph.lines) > 1 or graph.lines[0].label:
        axes.legend(loc="upper left", fontsize=7, frameon=False, labelcolor=_INK)
