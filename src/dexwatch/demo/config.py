"""Options of the sample, and the ports that it takes."""

import socket
from dataclasses import dataclass, field
from typing import Literal

CONSOLE_PORT = 8900


@dataclass
class Ports:
    """Allocates free loopback ports, one for each name."""

    taken: dict[str, int] = field(default_factory=dict)

    def take(self, name: str, *, wish: int | None = None) -> int:
        """Return a free port, the wished one if it is free; the same name keeps its port."""
        if name not in self.taken:
            free = wish is not None and wish not in self.taken.values() and _is_free(wish)
            self.taken[name] = wish if free and wish is not None else self._any()
        return self.taken[name]

    def _any(self) -> int:
        for _ in range(64):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in self.taken.values():
                return port
        raise RuntimeError("no free port found on 127.0.0.1 after 64 tries: close some programs")


@dataclass(frozen=True)
class Options:
    """How the sample is run; the defaults suit a laptop."""

    seed: int = 1
    block_interval_ms: int = 450
    trades_per_block: float = 3.0
    """Average number of trades a block at the busiest hour of the accelerated day."""
    day_seconds: float = 600.0
    """Length of one accelerated day."""
    exchange: bool = True
    """False starts the chain and its traders only."""
    console_port: int | None = None
    """None takes 8900 when it is free, else any free port."""
    profile: Literal["demo", "production"] = "demo"
    """`demo` compresses time; `production` evaluates as the product does, for measurements."""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Without this a port that was closed a moment ago counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
