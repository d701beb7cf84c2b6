"""Draws a message's chart as a PNG, off the event loop and never late."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from dexwatch.incidents.notice import Chart, ChartLine

_log = structlog.get_logger(__name__)

_MOST_WAITING = 3


class ChartRenderer:
    """Draws one picture at a time in a thread; whoever comes when it is busy goes without."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chart")
        self._waiting = 0

    async def start(self) -> None:
        """Draw once for nobody: the first real picture would wait for the library to load."""
        await asyncio.get_running_loop().run_in_executor(self._thread, _warm)

    async def render(self, chart: Chart, *, seconds: float) -> bytes | None:
        """Return a PNG, or None when it would take longer than `seconds`."""
        if self._waiting >= _MOST_WAITING:
            return None
        self._waiting += 1
        job = asyncio.get_running_loop().run_in_executor(self._thread, _draw, chart)
        job.add_done_callback(self._done)
        try:
            async with asyncio.timeout(seconds):
                # A thread cannot be stopped: the job is left to end by itself.
                return await asyncio.shield(job)
        except TimeoutError:
            return None
        except Exception as error:  # noqa: BLE001 - foreign values must not stop the message.
            _log.warning("chart.failed", error=type(error).__name__)
            return None

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, job: asyncio.Future[bytes]) -> None:
        self._waiting -= 1
        if not job.cancelled():
            job.exception()


def _draw(chart: Chart) -> bytes:
    # Only who mails pays for the library's memory.
    from dexwatch.notifiers.chart.drawing import draw  # noqa: PLC0415

    return draw(chart)


def _warm() -> None:
    _draw(Chart("", "", (ChartLine("", ((0.0, 0.0), (60.0, 1.0))),)))
