"""What the roles with a door share: the server, the incident store, the clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.listen import LOOPBACK
from dexwatch.notifiers import registry as notifiers
from dexwatch.settings import Settings
from dexwatch.storage.store import SqlStore, open_store

GRACE_SECONDS = 3
"""How long an open request may go on after we were told to stop."""

MOST_CONNECTIONS = 500
"""Further ones are answered by 503; a live page holds one or two."""


@contextlib.asynccontextmanager
async def serving(
    application: Starlette, port: int, *, setting: str, host: str = LOOPBACK
) -> AsyncIterator[None]:
    """Serve the application while the block runs.

    Raises:
        OSError: the port is taken; the message names the setting.
    """
    server = _Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(), name=f"serve {setting}")
    try:
        while not server.started:
            if task.done():
                raise OSError(f"{setting}: cannot listen on {host}:{port}; is the port taken?")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError, SystemExit):
            await asyncio.wait_for(task, GRACE_SECONDS + 2)


async def open_incidents(stack: contextlib.AsyncExitStack, settings: Settings) -> SqlStore:
    """Open the incident store; it is closed with the stack."""
    policy = settings.respond.policy(notifiers.routes(settings.notify))
    store = await open_store(settings.storage.database_url(settings.folder), policy)
    stack.push_async_callback(store.close)
    return store


async def open_clients(
    stack: contextlib.AsyncExitStack, settings: Settings
) -> tuple[PrometheusClient, AlertmanagerClient]:
    """Open the clients of Prometheus and Alertmanager; they are closed with the stack."""
    daemons = settings.daemons
    return (
        await stack.enter_async_context(PrometheusClient(daemons.prometheus_url)),
        await stack.enter_async_context(AlertmanagerClient(daemons.alertmanager_url)),
    )


class _Server(uvicorn.Server):
    """Leaves signals alone: they are the role's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
