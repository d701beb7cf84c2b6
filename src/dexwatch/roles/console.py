"""The role that shows everything in the browser."""

import asyncio
import contextlib

from dexwatch.console.measuring import Measurements
from dexwatch.console.site import build_site
from dexwatch.daemons.programs.secrets import kept
from dexwatch.roles.evaluation import Evaluation
from dexwatch.roles.http import exposition
from dexwatch.roles.http.serving import serving
from dexwatch.roles.process import build_info, health_socket
from dexwatch.roles.resources import open_clients, open_needed_incidents
from dexwatch.settings import Settings
from dexwatch.settings.components import expected_components
from dexwatch.storage.sessions import SqlSessionStore


async def run(
    settings: Settings, stop: asyncio.Event, *, evaluation: Evaluation | None = None
) -> None:
    """Serve the console until `stop` is set."""
    evaluation = evaluation or Evaluation()
    config = settings.console
    async with contextlib.AsyncExitStack() as stack:
        store = await open_needed_incidents(stack, settings)
        prometheus, alertmanager = await open_clients(stack, settings)
        measurements = Measurements()
        site = build_site(
            config,
            store=store,
            sessions=SqlSessionStore(store.database),
            prometheus=prometheus,
            alertmanager=alertmanager,
            alert_rules=evaluation.alerts,
            profile=evaluation.profile,
            refresh_speed=evaluation.refresh_speed,
            receiver=settings.respond.receiver,
            expected=expected_components(settings),
            platform=settings.name,
            measurements=measurements,
        )
        exposed = exposition.routes(
            lambda: (*measurements.samples(), build_info("console")),
            access=kept(settings.daemons, folder=settings.folder).access,
        )
        # The console has a /healthz of its own, which stands before this one.
        site.router.routes.extend(exposed)
        await stack.enter_async_context(
            serving(
                site,
                config.port,
                setting="console.port",
                host=config.host,
                names=[config.public_url, config.url],
                health=health_socket(settings, "console"),
            )
        )
        await stop.wait()
