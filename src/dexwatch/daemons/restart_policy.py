"""How patient we are with a program that ends or hangs."""

from dataclasses import dataclass

from dexwatch.backoff import Backoff

RESTART_BACKOFF = Backoff(first=0.5, most=30.0)


@dataclass(frozen=True)
class RestartPolicy:
    """How long to wait before a restart, and when restarts become a loop."""

    backoff: Backoff = RESTART_BACKOFF
    loop_ends: int = 5
    """So many ends within `loop_seconds` are a loop."""
    loop_seconds: float = 300.0
    silent_seconds: float = 30.0
    """After so long without an answer a program that says so is taken for hung."""

    def delay(self, ends: int, *, name: str) -> float:
        """Return the seconds before restart `ends` (from 1); a loop waits the longest."""
        looping = ends >= self.loop_ends
        # The spread keeps programs that fell together from returning together.
        return self.backoff.delay(ends + (10 if looping else 0), key=name)
