"""What the benchmarks share: free ports, a receiver that notes times, what processes use."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from dexwatch.roles.process import log_to

# Standard output is for the one JSON line.
log_to()

TICKS = os.sysconf("SC_CLK_TCK")


def free_ports(count: int) -> list[int]:
    """Return distinct loopback ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Receiver:
    """Takes every POST and notes when which body came."""

    url: str
    bodies: list[tuple[float, str]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def first(self, word: str) -> float | None:
        """Return the Unix time at which a body with this word first came."""
        return next((at for at, body in self.bodies if word in body), None)

    async def until(self, words: list[str], deadline: float) -> None:
        """Wait until every word has come, or the Unix time is past the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - time.time())):
                while not all(self.first(word) for word in words):
                    self.news.clear()
                    await self.news.wait()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Serve on a free loopback port while the block runs."""
    taken = Receiver("")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").lower().split("\r\n")
                length = next(
                    (int(line[15:]) for line in lines if line.startswith("content-length:")), 0
                )
                body = await reader.readexactly(length)
                taken.bodies.append((time.time(), body.decode()))
                taken.news.set()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    taken.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield taken


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return count, p50, p95 and max, rounded to milliseconds where the unit is seconds."""
    found = sorted(values)
    cuts = quantiles(found, n=100, method="inclusive")
    return {
        "count": len(found),
        "p50": round(cuts[49], 3),
        "p95": round(cuts[94], 3),
        "max": round(found[-1], 3),
    }


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
            except OSError:
                continue
            parent = int(status.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def name_of(pid: int) -> str:
    """Return a short name of a process: the program, or the role of ours."""
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    if "-m" in words:
        return ".".join(words[words.index("-m") + 1 : words.index("-m") + 3])
    return Path(words[0]).name


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, its ended children included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS


def memory_bytes(pid: int) -> tuple[int, int]:
    """Return (resident, proportional) memory: the latter counts shared pages once in all."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in {"Rss", "Pss"}:
            found[key] = int(value.split()[0]) * 1024
    return found["Rss"], found["Pss"]


def report(**values: object) -> None:
    """Print the one JSON line."""
    print(json.dumps(values), flush=True)
