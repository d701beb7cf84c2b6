"""Route labels are whole templates: prefixes of routers and of mounted applications included."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from dexwatch_instrument import HttpMetrics, Platform
from dexwatch_instrument.routes import template


async def ok(request):
    return PlainTextResponse("ok")


def routes_of(app, *paths, **client):
    """Return the route label of each path, asked through the middleware around the application."""
    platform = Platform()
    wrapped = HttpMetrics(app, platform, access_log=False)
    asked = TestClient(wrapped, raise_server_exceptions=False, **client)
    for path in paths:
        asked.get(path)
    return {
        sample.labels["http_route"]: int(sample.value)
        for family in platform.registry.collect()
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
    }


def fastapi():
    app, users, deep, orders = FastAPI(), APIRouter(prefix="/v1/users"), APIRouter(), FastAPI()
    users.get("/{user}")(lambda user: {})
    deep.get("/pairs/{pair}")(lambda pair: {})
    users.include_router(deep, prefix="/{user}/deep")
    orders.get("/orders/{order}")(lambda order: {})
    inner = FastAPI()
    inner.get("/leaf/{leaf}")(lambda leaf: {})
    orders.mount("/inner/{space}", inner)
    app.include_router(users, prefix="/api")
    app.include_router(users, prefix="/old")
    app.mount("/shop/{tenant}", orders)
    app.mount("/files", StaticFiles(directory=".", check_dir=False))
    return app


@pytest.mark.parametrize(
    ("paths", "route"),
    [
        (("/api/v1/users/7", "/api/v1/users/8"), "/api/v1/users/{user}"),
        (("/old/v1/users/7",), "/old/v1/users/{user}"),
        (("/api/v1/users/7/deep/pairs/A-B",), "/api/v1/users/{user}/deep/pairs/{pair}"),
        (("/shop/9/orders/1", "/shop/8/orders/8"), "/shop/{tenant}/orders/{order}"),
        (("/shop/9/inner/9/leaf/9",), "/shop/{tenant}/inner/{space}/leaf/{leaf}"),
        (("/shop/9/nothing", "/shop/8/nothing/more"), "/shop/{tenant}/{path}"),
        (("/files/a.css", "/files/b/c.css"), "/files/{path}"),
        (("/nothing", "/nothing/more"), "unmatched"),
    ],
)
def test_routers_and_mounts_keep_their_prefixes(paths, route):
    assert routes_of(fastapi(), *paths) == {route: len(paths)}


def test_the_middleware_may_stand_inside_or_in_a_mounted_application():
    for place in ("outer", "inner"):
        platform = Platform()
        app, inner = FastAPI(), FastAPI()
        inner.get("/orders/{order}")(lambda order: {})
        app.mount("/shop/{tenant}", inner)
        chosen = app if place == "outer" else inner
        chosen.add_middleware(HttpMetrics, platform=platform, access_log=False)
        TestClient(app).get("/shop/9/orders/1")
        labels = {
            "http_request_method": "GET",
            "http_route": "/shop/{tenant}/orders/{order}",
            "http_response_status_code": "200",
        }
        count = platform.registry.get_sample_value(
            "http_server_request_duration_seconds_count", labels
        )
        assert count == 1, place


def test_plain_starlette_keeps_its_templates_whatever_the_values():
    app = Starlette(
        routes=[
            Route("/api/{version}/api/{name}", ok),
            Mount("/deep", routes=[Mount("/{a}", routes=[Route("/{path:path}", ok)])]),
            Route("/n/{n:int}", ok),
        ]
    )
    asked = ("/api/api/api/x", "/api/v1/api/v1", "/deep/x/a/b", "/deep/y/c", "/n/007", "/n/8")
    assert routes_of(app, *asked) == {
        "/api/{version}/api/{name}": 2,
        "/deep/{a}/{path}": 2,
        "/n/{n}": 2,
    }


def test_a_path_that_the_proxy_cuts_off_is_no_prefix():
    app = FastAPI(root_path="/api")
    app.get("/u/{user}")(lambda user: {})
    assert routes_of(app, "/u/1", "/api/u/2") == {"/u/{user}": 2}
    plain = Starlette(routes=[Route("/u/{user}", ok), Mount("/m", routes=[Route("/{x}", ok)])])
    found = routes_of(plain, "/api/u/1", "/api/m/2", root_path="/api")
    assert found == {"/u/{user}": 1, "/m/{x}": 1}


def test_a_framework_that_leaves_no_route_is_read_from_the_parameters():
    scope = {"path": "/pairs/A-B/price", "endpoint": ok, "path_params": {"pair": "A-B"}}
    assert template(scope) == "/pairs/{pair}/price"
    assert template({"path": "/x"}) is None


def test_a_websocket_is_served_and_not_measured():
    async def echo(socket):
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    platform = Platform()
    app = HttpMetrics(Starlette(routes=[WebSocketRoute("/ws", echo)]), platform)
    with TestClient(app).websocket_connect("/ws") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    names = {sample.name for family in platform.registry.collect() for sample in family.samples}
    assert "http_server_request_duration_seconds_count" not in names
