"""What every process of ours does first: say where logs go, and listen for the word to stop."""

import asyncio
import io
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, cast

import structlog
from structlog.typing import WrappedLogger

from dexwatch import __version__
from dexwatch.metrics import own
from dexwatch.metrics.sample import Sample
from dexwatch.settings import Settings

LOG_BYTES = 5_000_000


def log_to_file(path: Path) -> None:
    """Log to a file of bounded size: a person at a terminal reads what is printed.

    It is begun anew, and the one before it kept: it tells why an earlier run ended, and a run that
    has not ended goes on in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        path.replace(path.with_name(f"{path.name}.1"))
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger("dexwatch").setLevel(logging.INFO)
    _configure(structlog.stdlib.LoggerFactory())


def log_to(stream: TextIO = sys.stderr) -> None:
    """Write one JSON line for each event, ours and the libraries'; to standard error by default."""
    sure = cast("TextIO", _NeverFails(stream))
    logging.basicConfig(stream=sure, level=logging.WARNING, format="%(name)s: %(message)s")
    _configure(structlog.WriteLoggerFactory(sure))


class _NeverFails(io.TextIOBase):
    """A stream for log lines: one that cannot be written is counted, and nothing else happens.

    On a full disk a role must go on with its work, which is to tell of it, and to be there when
    there is room again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failed = 0

    def write(self, text: str) -> int:
        """Write a line, and before it how many may be missing."""
        told = ""
        if self._failed:
            # The line that could not be written may have left its beginning there.
            told = f'\n{{"event": "log.lines_missing", "level": "error", "most": {self._failed}}}\n'
        try:
            # What is no UTF-8, as a library may tell of, is written out.
            self._stream.write(told + text.encode(errors="backslashreplace").decode())
            self._stream.flush()
        except OSError:
            self._failed += 1
        else:
            self._failed = 0
        return len(text)

    def flush(self) -> None:
        """Do nothing: what was written was flushed."""


def _configure(factory: Callable[..., WrappedLogger]) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )


def stop_event() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def reload_event(stop: asyncio.Event) -> asyncio.Event:
    """Return an event that SIGHUP sets.

    A terminal that is closed sends SIGHUP too: then there is nobody who could end us, so we stop.
    """
    again = asyncio.Event()
    at_terminal = _has_terminal()

    def hung_up() -> None:
        (stop if at_terminal and not _has_terminal() else again).set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
    # One that came while we began was kept back, see `roles.__main__`.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    return again


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def health_socket(settings: Settings, role: str) -> Path:
    """Return the Unix socket where a role says that it is well, which strangers cannot fill."""
    return settings.folder / "run" / f"{role}.sock"


def build_info(role: str) -> Sample:
    """Return dexwatch_build_info of a role."""
    return Sample(own.build, 1.0, {"version": __version__, "role": role})
