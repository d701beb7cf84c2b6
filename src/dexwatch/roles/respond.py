"""The role that takes alerts in, keeps incidents and tells people."""

import asyncio
import contextlib

from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.chart_data import PrometheusCharts
from dexwatch.receivers.alertmanager import build_door
from dexwatch.response.respond import Respond
from dexwatch.roles import exposition
from dexwatch.roles.process import build_info
from dexwatch.roles.serving import open_clients, open_incidents, serving
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
            charts=PrometheusCharts(prometheus),
            view=alertmanager,
        )
        door = build_door(
            role.ingest,
            token=settings.respond.hook_token,
            metrics=lambda: exposition.expose((*role.samples(), build_info("respond")))[0],
            count=role.figures.hook,
        )
        await stack.enter_async_context(
            serving(
                door,
                settings.respond.port,
                setting="respond.port",
                host=settings.respond.host,
            )
        )
        await role.run(stop)
