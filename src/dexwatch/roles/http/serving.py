"""The HTTP server of every role: bounded connections, own names only, one port and one socket."""

import asyncio
import contextlib
import errno
import hmac
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dexwatch.clients.access import Access
from dexwatch.daemons.ports import short_path, taken
from dexwatch.daemons.program import DaemonError
from dexwatch.listen import LOOPBACK
from dexwatch.roles.http.connections import Limits

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = structlog.get_logger(__name__)

GRACE_SECONDS = 3
"""How long an open request may go on after we were told to stop."""

BACKLOG = 512
"""Connections that the kernel holds until we take them."""

NOT_OURS = "nobody here has this host name; console.public_url and roles name ours\n"
AMBIGUOUS = "a request has either a Content-Length or a Transfer-Encoding\n"


@contextlib.asynccontextmanager
async def serving(
    application: Application,
    port: int,
    *,
    setting: str,
    host: str = LOOPBACK,
    names: Collection[str] = (),
    health: Path | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[int]:
    """Serve the application while the block runs; yields the port (for `port` 0).

    `names` are the host names or URLs, besides localhost and `host`, by which others may call us.
    `health` is a Unix socket that serves the same: there the supervisor asks whether we are well,
    however many strangers are at the port.

    Raises:
        PortTakenError: somebody else listens on the port; the message names the setting.
        DaemonError: nothing can listen there.
    """
    server = _Server(
        uvicorn.Config(
            OwnNames(application, (host, *names)),
            http=(limits or Limits()).protocol,  # type: ignore[arg-type]
            ws="none",
            lifespan="auto",
            log_config=None,
            access_log=False,
            server_header=False,
            # The console reads them itself, and only from the proxies that it is told to trust.
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            # So often asyncio tries to take a connection when none can be had for want of file
            # descriptors, with a traceback in the log and a new attempt for each.
            backlog=1,
        )
    )
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_listen(host, port, setting))]
        if health is not None:
            sockets.append(stack.enter_context(_listen_here(health)))
        task = asyncio.create_task(server.serve(sockets), name=f"serve {setting}")
        try:
            while not server.started:
                if task.done():
                    task.result()
                    raise OSError(f"{setting}: cannot serve at {host}:{port}")
                await asyncio.sleep(0.01)
            for each in sockets:
                each.listen(BACKLOG)
            yield sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            await _ended(task, setting)


async def _ended(task: asyncio.Task[None], setting: str) -> None:
    """Wait for the server's end, and cut it off in time; what our caller raised stays what it is.

    An application that will not end must not hide it, nor hold up a reload.
    """
    try:
        await asyncio.wait_for(task, GRACE_SECONDS + 2)
    except TimeoutError:
        _log.warning("server.cut_off", setting=setting, seconds=GRACE_SECONDS + 2)
    except (asyncio.CancelledError, SystemExit):
        pass


Endpoint = Callable[[Request], Awaitable[Response]]


def asks_for(access: Access | None, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint, which then answers only those who show what `access` says."""
    if access is None:
        return endpoint
    expected = access.header.encode()
    if not expected:
        raise ValueError("this access asks for nothing")

    async def guarded(request: Request) -> Response:
        shown = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, expected):
            challenge = {"www-authenticate": 'Basic realm="dexwatch"'}
            return PlainTextResponse("who are you?\n", status_code=401, headers=challenge)
        return await endpoint(request)

    return guarded


class OwnNames:
    """Answers only requests that call us by a name of ours, or by an address.

    A page whose own host name was pointed at our address (DNS rebinding) has the rights of the
    same origin; its name gives it away.
    """

    def __init__(self, application: Application, names: Collection[str]) -> None:
        self._application = application
        self._names = {"localhost", *map(host_name, names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 421."""
        if scope["type"] == "http" and _ambiguous(scope):
            refusal = PlainTextResponse(AMBIGUOUS, 400, {"connection": "close"})
            await refusal(scope, receive, send)
            return
        if scope["type"] == "http" and not self._ours(scope):
            await PlainTextResponse(NOT_OURS, 421)(scope, receive, send)
            return
        await self._application(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return all(self._known(host_name(host)) for host in hosts)

    def _known(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _ambiguous(scope: Scope) -> bool:
    """Does it give its length in two ways?

    A proxy may believe the other one, and take what follows for the next client's request
    (RFC 9112, section 6.3).
    """
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def host_name(host: str) -> str:
    """Return the name in a Host header or URL, in lower case and without port and brackets.

    >>> host_name("Example.org:8900"), host_name("[::1]:8900"), host_name("https://a.example/x")
    ('example.org', '::1', 'a.example')
    """
    host = host.rpartition("://")[2].partition("/")[0]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _listen(host: str, port: int, setting: str) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise taken([(setting, host, port)]) from error
        # A name that cannot be looked up has a number below zero, and only a text of its own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise DaemonError(
            f"{setting}: nothing can listen on {host}:{port} ({reason}); "
            "correct host and port there"
        ) from error


def _listen_here(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    listener.listen(16)
    return listener


class _Server(uvicorn.Server):
    """Leaves signals alone: they are the role's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
