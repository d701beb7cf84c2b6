"""Relays the metrics of programs on a Unix socket, which have no authentication of their own."""

from collections.abc import Callable, Iterable

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dexwatch.clients.access import Access
from dexwatch.daemons import ports
from dexwatch.daemons.program import HttpReady, Program
from dexwatch.daemons.programs.scrape import relayed_path
from dexwatch.roles.http.serving import asks_for

RELAY_SECONDS = 4.0
"""Below the 4.5 seconds that a scrape may take."""


def route(programs: Callable[[], Iterable[Program]], access: Access) -> Route:
    """Return the route of all programs that have metrics at a Unix socket now."""

    async def metrics(request: Request) -> Response:
        name = request.path_params["name"]
        found = (each.metrics for each in programs() if each.name == name)
        socket = next(found, None)
        if socket is None:
            return PlainTextResponse("no program of this name has metrics here\n", status_code=404)
        try:
            asked = HttpReady("http://localhost/metrics", socket=socket)
            answer = await ports.request(asked, seconds=RELAY_SECONDS)
        except (OSError, httpx.HTTPError):
            return PlainTextResponse("it does not answer\n", status_code=502)
        kind = answer.headers.get("content-type", "text/plain")
        return Response(answer.content, answer.status_code, {"content-type": kind})

    return Route(relayed_path("{name}"), asks_for(access, metrics))
