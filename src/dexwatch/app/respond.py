"""The role that takes alerts in, keeps incidents and tells people."""

import asyncio
import contextlib

from dexwatch import exposition
from dexwatch.agenda.respond import Respond
from dexwatch.app.roles import build_info
from dexwatch.app.serving import open_clients, open_incidents, serving
from dexwatch.console.hooks import build_door
from dexwatch.notifiers import catalogue as notifiers
from dexwatch.notifiers.figures import PrometheusGraphs
from dexwatch.settings import Settings


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Respond until `stop` is set."""
    async with contextlib.AsyncExitStack() as stack:
        store = await open_incidents(stack, settings)
        prometheus, alertmanager = await open_clients(stack, settings)
        role = Respond(
            store,
            notifiers.build(settings.notify),
            settings.respond,
            public_url=settings.console.public_url,
            graphs=PrometheusGraphs(prometheus),
            view=alertmanager,
        )
        door = build_door(
            role.ingest,
            token=settings.respond.hook_token,
            metrics=lambda: exposition.expose((*role.samples(), build_info("respond")))[0],
            count=role.figures.hook,
        )
        await stack.enter_async_context(
            serving(door, settings.respond.port, setting="respond.port")
        )
        await role.run(stop)
