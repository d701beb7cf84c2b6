"""Is a port free, and if not, who holds it? And the small probes that tell when one is ready."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import psutil

from dexwatch.daemons.program import HttpReady, Port, PortTakenError, Ready, SocketReady, TcpReady
from dexwatch.listen import LOOPBACK


def require_free(ports: Iterable[Port]) -> None:
    """Check that nobody listens on any of the ports.

    Raises:
        PortTakenError: names every taken port, its setting and, where /proc tells, the holder.
    """
    found = [(port.setting, LOOPBACK, port.number) for port in ports if not is_free(port.number)]
    if found:
        raise taken(found)


def taken(found: Iterable[tuple[str, str, int]]) -> PortTakenError:
    """Return the error of ports that somebody else has, each as (setting, host, number)."""
    said = "; ".join(
        f"{setting}: {host}:{number} is taken by {holder(number)}"
        for setting, host, number in found
    )
    remedy = "Stop the other program, or choose another port in that setting."
    return PortTakenError(f"{said}. {remedy}")


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
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == number and each.pid:
                return f"{psutil.Process(each.pid).name()} (pid {each.pid})"
    return "another program"


async def answers(ready: Ready, *, seconds: float = 2.0) -> bool:
    """Does the readiness check pass now? A program that is not there yet is no error."""
    try:
        async with asyncio.timeout(seconds):
            match ready:
                case HttpReady():
                    return (await request(ready, seconds=seconds)).status_code < 400
                case TcpReady(port):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                case SocketReady(path):
                    with short_path(path) as name:
                        _, writer = await asyncio.open_unix_connection(name)
                    writer.close()
    except (OSError, TimeoutError, httpx.HTTPError):
        return False
    return True


async def request(asked: HttpReady, *, method: str = "GET", seconds: float = 2.0) -> httpx.Response:
    """Ask a program of ours on this machine; no proxy, no redirect, no connection that is kept.

    Raises:
        OSError, httpx.HTTPError: nobody answers, or not in HTTP.
    """
    headers = {"authorization": asked.authorization} if asked.authorization else {}
    with contextlib.ExitStack() as stack:
        socket = stack.enter_context(short_path(asked.socket)) if asked.socket else None
        # Making a context for certificates would cost more than all the rest.
        transport = httpx.AsyncHTTPTransport(uds=socket, verify=False, trust_env=False)
        async with httpx.AsyncClient(transport=transport, timeout=seconds) as client:
            return await client.request(method, asked.url, headers=headers)


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield another name of a Unix socket's path, which fits into the kernel's 107 bytes.

    Raises:
        OSError: its folder does not exist.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
