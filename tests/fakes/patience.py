"""Wait for something to become true, with a deadline instead of a sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


async def until(
    check: Callable[[], T | Awaitable[T]],
    seconds: float = 60.0,
    *,
    why: str = "",
    every: float = 0.05,
) -> T:
    """Call `check` until it gives something true and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found  # type: ignore[return-value]
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {why or check}")
        await asyncio.sleep(every)


def gone(pid: int) -> bool:
    """Has the process ended? A zombie that nobody has reaped yet counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
