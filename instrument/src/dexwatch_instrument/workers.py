"""Several worker processes behind one address: one page for all of them.

A scrape reaches one worker, now this one and now that one, so a counter of a single worker seems
to fall and shows a part of the truth. With the environment variable PROMETHEUS_MULTIPROC_DIR set to
a folder, prometheus-client keeps every worker's values in files there, and any worker adds them up.
"""

import logging
import math
import os
import re
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

REFRESH_SECONDS = 5.0
_log = logging.getLogger(__name__)
_LIVE = re.compile(r"\Agauge_live[a-z]+_([0-9]{1,9})\.db\Z")


def folder() -> str:
    """Return the folder that the workers share; empty when each stands alone."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def readable(registry: CollectorRegistry) -> CollectorRegistry:
    """Return what a scrape shows: this process's registry, or the sum over all workers."""
    shared = folder()
    if not shared:
        return registry
    _forget_ended(Path(shared))
    whole = CollectorRegistry()
    whole.register(_Files(Path(shared)))
    return whole


class _Files(Collector):
    """The workers' files; one that cannot be read hides only what it holds, not all the others.

    A file is empty while its worker makes it, and stays so when the disk is full just then.
    """

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        """Return the families, of all files that can be read."""
        files = [str(file) for file in self._shared.glob("*.db")]
        merged = _merged(files)
        if merged is None:
            sound = [file for file in files if _merged([file]) is not None]
            _log.warning("%d files of metrics cannot be read", len(files) - len(sound))
            merged = _merged(sound)
        return merged or ()


def _merged(files: list[str]) -> list[Metric] | None:
    try:
        return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]
    except (struct.error, RuntimeError, ValueError, OSError, LookupError, TypeError):
        # What the library raises for files that are empty, cut off, gone or no metrics at all.
        return None


class Sampled:
    """Gauges whose values are asked for: at each scrape, or, with several workers, every 5 s.

    Another worker answers the scrape and cannot ask, so each writes its own values down.
    """

    def __init__(self) -> None:
        self._functions: list[tuple[Gauge, Callable[[], float]]] = []
        self._process = 0
        self._lock = threading.Lock()

    def add(self, gauge: Gauge, function: Callable[[], float]) -> None:
        """Report a value, NaN while `function` fails; any thread may call it, so it is quick."""

        def value() -> float:
            # A pool that was closed must not take all other metrics of the service with it.
            try:
                return float(function())
            except Exception:  # noqa: BLE001 - the application's own code, whatever it raises.
                return math.nan

        if not folder():
            gauge.set_function(value)
            return
        self._functions.append((gauge, value))
        gauge.set(value())

    def run(self) -> None:
        """Begin to write values down in this process; after a fork it has to begin anew."""
        if self._process == os.getpid() or not self._functions:
            return
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._write, name="dexwatch-gauges", daemon=True).start()

    def _write(self) -> None:
        pause = threading.Event()
        while not pause.wait(REFRESH_SECONDS):
            for gauge, function in tuple(self._functions):
                gauge.set(function())


def _forget_ended(shared: Path) -> None:
    """Forget what ended workers had in flight or open; what they counted stays counted."""
    for file in shared.glob("gauge_live*.db"):
        found = _LIVE.match(file.name)
        if found and not _runs(int(found[1])):
            mark_process_dead(int(found[1]), path=str(shared))  # type: ignore[no-untyped-call]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
