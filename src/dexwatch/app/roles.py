"""Builds and runs one role in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum

import uvicorn
from fastapi import FastAPI

from dexwatch import __version__, exposition, notifiers
from dexwatch.agenda.respond import Respond
from dexwatch.console.hooks import build_door
from dexwatch.console.site import build_site
from dexwatch.exporters.run import Watch
from dexwatch.rules import ALERTS, PACES
from dexwatch.settings import Settings
from dexwatch.signals import own
from dexwatch.signals.sample import Sample
from dexwatch.sources.alertmanager import AlertmanagerClient
from dexwatch.sources.prometheus import PrometheusClient
from dexwatch.storage import SqlSessionStore, SqlStore, open_store

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 3
"""How long an open request may go on after we were told to stop."""


class Role(StrEnum):
    """The parts of dexwatch, each its own process so that none delays another."""

    WATCH = "watch"
    RESPOND = "respond"
    CONSOLE = "console"


async def run_role(role: Role, settings: Settings, stop: asyncio.Event) -> None:
    """Run one role until `stop` is set."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    match role:
        case Role.WATCH:
            await _watch(settings, stop)
        case Role.RESPOND:
            await _respond(settings, stop)
        case Role.CONSOLE:
            await _console(settings, stop)


def build_info(role: str) -> Sample:
    """Return dexwatch_build_info of a role."""
    return Sample(own.build, 1.0, {"version": __version__, "role": role})


async def _watch(settings: Settings, stop: asyncio.Event) -> None:
    watch = Watch(settings.chain, settings.dex, settings.database, config=settings.watch)
    async with exposition.serve(
        lambda: (*watch.samples(), build_info("watch")),
        settings.watch.port,
        setting="watch.port",
    ):
        await _until(stop, watch.run())


async def _respond(settings: Settings, stop: asyncio.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        store = await _store(stack, settings)
        prometheus = await stack.enter_async_context(
            PrometheusClient(settings.daemons.prometheus_url)
        )
        alertmanager = await stack.enter_async_context(
            AlertmanagerClient(settings.daemons.alertmanager_url)
        )
        role = Respond(
            store,
            notifiers.build(settings.notify),
            settings.respond,
            public_url=settings.console.public_url,
            graphs=notifiers.PrometheusGraphs(prometheus),
            view=alertmanager,
        )
        door = build_door(
            role.ingest,
            token=settings.respond.hook_token,
            metrics=lambda: exposition.expose((*role.samples(), build_info("respond"))),
            count=role.figures.hook,
        )
        await stack.enter_async_context(_serving(door, settings.respond.port))
        await role.run(stop)


async def _console(settings: Settings, stop: asyncio.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        store = await _store(stack, settings)
        prometheus = await stack.enter_async_context(
            PrometheusClient(settings.daemons.prometheus_url)
        )
        alertmanager = await stack.enter_async_context(
            AlertmanagerClient(settings.daemons.alertmanager_url)
        )
        site = build_site(
            settings.console,
            platform=settings.name,
            pace=PACES[settings.pace],
            store=store,
            sessions=SqlSessionStore(store.database),
            prometheus=prometheus,
            alertmanager=alertmanager,
            rules={rule.id: rule for rule in ALERTS},
        )
        await stack.enter_async_context(
            _serving(site, settings.console.port, host=settings.console.host)
        )
        await stop.wait()


async def _store(stack: contextlib.AsyncExitStack, settings: Settings) -> SqlStore:
    policy = settings.respond.policy(notifiers.routes(settings.notify))
    store = await open_store(settings.storage.database_url(settings.folder), policy)
    stack.push_async_callback(store.close)
    return store


@contextlib.asynccontextmanager
async def _serving(app: FastAPI, port: int, *, host: str = LOOPBACK) -> AsyncIterator[None]:
    """Serve the application while the block runs."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="on",
        )
    )
    # Signals are the role's business; uvicorn would take them for itself.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve(), name=f"serve {port}")  # noqa: SLF001 - `serve` takes the signals.
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError(f"cannot listen on {host}:{port}; is the port taken?")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, GRACE_SECONDS + 2)


async def _until(stop: asyncio.Event, work: object) -> None:
    """Run the work until `stop` is set; an error in the work ends the role with it."""
    running = asyncio.ensure_future(work)  # type: ignore[call-overload]
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, waiting):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    if running in done:
        running.result()
