"""Is a port free, and if not, who holds it? And the small probes that tell when one is ready."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from dexwatch.daemons.program import HttpReady, Port, PortTakenError, Ready, SocketReady, TcpReady

_LISTENING = "0A"
_BODY_LIMIT = 1024 * 1024


def require_free(ports: Iterable[Port]) -> None:
    """Check that nobody listens on any of the ports.

    Raises:
        PortTakenError: names every taken port, its setting and, where /proc tells, the holder.
    """
    taken = [
        f"{port.setting}: 127.0.0.1:{port.number} is taken by {holder(port.number)}"
        for port in ports
        if not is_free(port.number)
    ]
    if taken:
        raise PortTakenError(
            "\n".join(taken) + "\nStop the other program, or choose another port in that setting."
        )


def is_free(number: int) -> bool:
    """Could we listen on 127.0.0.1 at this port? Lingering connections do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def holder(number: int) -> str:
    """Return who listens on the port, for example "nginx (pid 123)"."""
    inodes = _listening_inodes(number)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for descriptor in (entry / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in inodes:
                        name = (entry / "comm").read_text().strip()
                        return f"{name} (pid {entry.name})"
    return "another program"


def _listening_inodes(number: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == number:
                    found.add(f"socket:[{fields[9]}]")
    return found


async def answers(ready: Ready, *, seconds: float = 2.0) -> bool:
    """Does the readiness check pass now? A program that is not there yet is no error."""
    try:
        match ready:
            case HttpReady(url):
                status, _ = await request(url, seconds=seconds)
                return status < 400
            case TcpReady(port):
                await _connect(asyncio.open_connection("127.0.0.1", port), seconds)
            case SocketReady(path):
                await _connect(asyncio.open_unix_connection(str(path)), seconds)
    except (OSError, TimeoutError, ValueError):
        return False
    return True


async def _connect(
    opening: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    seconds: float,
) -> None:
    async with asyncio.timeout(seconds):
        _, writer = await opening
        writer.close()


async def request(url: str, *, method: str = "GET", seconds: float = 2.0) -> tuple[int, str]:
    """Ask a loopback program over plain HTTP; return status and body (at most 1 MiB).

    HTTP/1.0 keeps this small: no chunks, no kept connections, none of a real client's start-up.

    Raises:
        OSError, TimeoutError: nobody answers.
        ValueError: what answers does not speak HTTP.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            head = f"{method} {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nContent-Length: 0\r\n\r\n"
            writer.write(head.encode())
            await writer.drain()
            answer = bytearray()
            while (chunk := await reader.read(65536)) and len(answer) < _BODY_LIMIT:
                answer += chunk
        finally:
            writer.close()
    first, _, rest = bytes(answer).partition(b"\r\n")
    words = first.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ValueError(f"{url} does not answer in HTTP")
    return int(words[1]), rest.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
