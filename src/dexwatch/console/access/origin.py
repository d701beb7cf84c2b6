"""Where requests come from: only our own pages may change anything, and proxies are named.

Cookies know no ports: every page of the same host name, whatever its port, sends ours along. So a
change must come from a page of our own origin, and browsers say so in `Origin` and
`Sec-Fetch-Site` (Fetch Metadata Request Headers, W3C).
"""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_HOPS = 16
FOREIGN = (
    "This came from a page of another address, so nothing was changed. Open the console by the "
    "address that console.public_url names, and try again."
)


class SameOrigin:
    """Middleware: refuses every change that does not come from a page of ours."""

    def __init__(self, app: ASGIApp, *, public_url: str, port: int) -> None:
        self._app, self._port = app, port
        self._origins = {origin(public_url), origin(f"http://localhost:{port}")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = dict(scope["headers"])
            came_from = headers.get(b"origin", b"").decode("latin-1")
            site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
            if not self._own(came_from, site):
                await Response(FOREIGN, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _own(self, came_from: str, site: str) -> bool:
        if site not in {"", "same-origin"}:
            return False
        if not came_from:
            return site == "same-origin"
        return came_from in self._origins or self._is_address(came_from)

    def _is_address(self, came_from: str) -> bool:
        """Is it one of the host's addresses? No other page has one, whatever its name points at."""
        try:
            parts = urlsplit(came_from)
            ipaddress.ip_address(parts.hostname or "")
            port = parts.port or 80
        except ValueError:
            return False
        return parts.scheme == "http" and port == self._port


class Proxies:
    """Middleware: takes the client's address from `X-Forwarded-For`, where a proxy of ours set it.

    The header is read from its end: the last address that is no proxy's was seen by a proxy, and
    what stands before it anybody can write.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network]) -> None:
        self._app, self._trusted = app, tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its client's address made good."""
        client = scope.get("client")
        if scope["type"] == "http" and client and self._trusts(client[0]):
            given = [text for key, text in scope["headers"] if key == b"x-forwarded-for"]
            hops = b",".join(given).decode("latin-1").split(",")[-MOST_HOPS:]
            scope["client"] = (self._last_untrusted(client[0], hops), client[1])
        await self._app(scope, receive, send)

    def _last_untrusted(self, peer: str, hops: Sequence[str]) -> str:
        found = peer
        for hop in reversed(hops):
            try:
                found = str(ipaddress.ip_address(hop.strip()))
            except ValueError:
                break
            if not self._trusts(found):
                break
        return found

    def _trusts(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self._trusted)
        except ValueError:
            return False


def origin(url: str) -> str:
    """Return scheme, host and port of a URL as browsers write them in `Origin`."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def local(address: str) -> str:
    """Return the address when it leads to a page of ours, else the home page.

    Browsers take `//host`, and a backslash for a slash, so only one slash may begin it; the rest is
    resolved as a browser would, and must stay where it began.
    """
    plain = address.isascii() and address.isprintable() and " " not in address
    if not plain or "\\" in address or not address.startswith("/") or address.startswith("//"):
        return "/"
    try:
        parts = urlsplit(f"http://ours{address}")
        ours = parts.netloc == "ours" and parts.path.startswith("/")
    except ValueError:
        return "/"
    return address if ours else "/"
