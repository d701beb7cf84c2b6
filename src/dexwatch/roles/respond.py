"""The role that takes alerts in, keeps incidents and tells people."""

import asyncio
import contextlib
import re
from functools import partial

from starlette.applications import Starlette

from dexwatch.clients.http import HttpClient, Outcome, SourceError
from dexwatch.daemons.config import DeadmanConfig
from dexwatch.daemons.programs.secrets import kept
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.chart.data import PrometheusCharts
from dexwatch.receivers import registry as receivers
from dexwatch.receivers.receiver import Inbound
from dexwatch.response.liveness.outside import PING_SECONDS, OutsideService
from dexwatch.response.respond import Respond
from dexwatch.roles.http import exposition
from dexwatch.roles.http.serving import serving
from dexwatch.roles.process import build_info, health_socket
from dexwatch.roles.registry import Finish
from dexwatch.roles.resources import open_clients, open_needed_incidents
from dexwatch.settings import Settings

_NOT_FOUND = re.compile(rb"\AOK \(not found\)\s*\Z").match
"""What healthchecks.io answers with 200 to pings of a check that was deleted or never was."""


class NobodyPingedError(SourceError):
    """The service outside took the ping for none of its checks; its name is told in the log."""


async def run(settings: Settings, stop: asyncio.Event) -> Finish:
    """Respond until `stop` is set; returns how to wait for the messages that are under way then."""
    async with contextlib.AsyncExitStack() as stack:
        store = await open_needed_incidents(stack, settings)
        prometheus, alertmanager = await open_clients(stack, settings)
        role = Respond(
            store,
            notifiers.build(settings.notify),
            settings.respond,
            policy=settings.respond.policy(notifiers.routes(settings.notify)),
            public_url=settings.console.public_url,
            charts=PrometheusCharts(prometheus),
            view=alertmanager,
            rules=prometheus,
            outside=await _outside(stack, settings.daemons.deadman),
        )
        inbound = Inbound(role.ingest, settings.respond.hook_token, heartbeat=role.heard)
        routes = [
            *receivers.routes(inbound, role.metrics.received),
            *exposition.routes(
                lambda: (*role.samples(), build_info("respond")),
                access=kept(settings.daemons, folder=settings.folder).access,
            ),
        ]
        stack.push_async_callback(role.finish)
        async with serving(
            Starlette(routes=routes),
            settings.respond.port,
            setting="respond.port",
            host=settings.respond.host,
            names=[settings.respond.url],
            health=health_socket(settings, "respond"),
        ):
            await role.work(stop)
        # Nobody is listened to and nothing is claimed now; what is under way needs the rest.
        return stack.pop_all().aclose


async def _outside(
    stack: contextlib.AsyncExitStack, deadman: DeadmanConfig
) -> OutsideService | None:
    """Return the service that pages when we are dead, if there is one; closed with the stack."""
    if deadman.outside_url is None:
        return None
    address = deadman.outside_url.get_secret_value()
    client = await stack.enter_async_context(HttpClient(address, timeout_seconds=PING_SECONDS))
    return OutsideService(partial(ping, client), deadman.outside_seconds)


async def ping(client: HttpClient) -> None:
    """Send one ping to the service outside.

    Raises:
        NobodyPingedError: the service has no check there, and would never page.
        SourceError: it was not taken.
    """
    reply = await client.send("POST", limit_bytes=100_000)
    if not 200 <= reply.status < 300:
        raise SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)
    if _NOT_FOUND(reply.body):
        raise NobodyPingedError(Outcome.RPC_ERROR, "the service has no check at this address")
