"""One thing that `dexwatch doctor` tries; each capability says what its part of the settings needs.

yield Probe("edge", lambda: http_answers(url), remedy="Enable stub_status there.")
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from dexwatch.clients.access import Access
from dexwatch.clients.http import HttpClient

TIMEOUT_SECONDS = 8.0
_PORTS = {"https": 443, "wss": 443, "redis": 6379, "rediss": 6379}


class ProbeError(Exception):
    """What was tried does not work; the words say how, and never hold a secret.

    `remedy` is for this failure; empty: that of the probe.
    """

    def __init__(self, detail: str, *, remedy: str = "") -> None:
        super().__init__(detail)
        self.remedy = remedy


@dataclass(frozen=True)
class Probe:
    """One thing to try; trying it changes nothing and sends no message to anybody."""

    subject: str
    attempt: Callable[[], Awaitable[str]]
    """Returns what was found; raises `ProbeError`, `SourceError`, `OSError` or `TimeoutError`."""
    remedy: str
    area: str = ""
    """The heading below which it is shown; empty: that of its capability."""


async def installed(program: str) -> str:
    """Return where a program lies.

    Raises:
        ProbeError: it is not on the path.
    """
    found = shutil.which(program)
    if found is None:
        raise ProbeError("is not installed")
    return found


async def http_answers(url: str, access: Access | None = None) -> str:
    """Ask for exactly this URL, and return its status when it is good.

    Raises:
        ProbeError: another status, a redirect among them.
        SourceError: no answer.
    """
    async with HttpClient(url, timeout_seconds=TIMEOUT_SECONDS, access=access) as client:
        reply = await client.send("GET")
    if 300 <= reply.status < 400:
        # Prometheus and the probes would follow it, or not; with the final address all three agree.
        raise ProbeError(f"status {reply.status}: write the address it leads to, {reply.location}")
    if reply.status >= 400:
        raise ProbeError(f"answers with status {reply.status}")
    return f"status {reply.status}"


async def port_open(address: str) -> str:
    """Connect to `host:port`, or to where a URL leads, and hang up.

    Raises:
        OSError: nobody listens there.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    port = parts.port or _PORTS.get(parts.scheme, 80)
    _, writer = await asyncio.open_connection(parts.hostname or "", port)
    writer.close()
    return f"port {port} open"


async def secret_port_open(address: SecretStr) -> str:
    """Do so with an address that may hold a key, and is read no sooner than it is tried.

    Raises:
        OSError: nobody listens there.
        WithheldError: the address is not to be had.
    """
    return await port_open(address.get_secret_value())
