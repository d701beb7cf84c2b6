"""Route labels are whole templates: prefixes of routers and of mounted applications included."""

import asyncio
from contextlib import suppress

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute
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


def test_what_routed_in_an_unknown_way_gets_one_label_a_prefix():
    scope = {"path": "/pairs/A-B/price", "endpoint": ok, "path_params": {"pair": "A-B"}}
    assert template(scope) == "/{path}"
    assert template({"path": "/x"}) is None

    async def unknown(scope, receive, send):
        await Starlette(routes=[Route("/orders/{order}", ok)])(scope, receive, send)

    app = Starlette(routes=[Mount("/shop/{tenant}", unknown)])
    asked = ("/shop/1/orders/01", "/shop/2/orders/2", "/shop/3/nothing/3")
    found = routes_of(app, *asked)
    assert found == {"/shop/{tenant}/orders/{order}": 2, "/shop/{tenant}/{path}": 1}


TEMPLATES = (
    "/v1/{x}",
    "/orders/{n}",
    "/ratio/{f}",
    "/by/{id}",
    "/any/{rest}",
    "/{a}/{b}/{c}",
    "/m/{t}/v1/{x}",
    "/m/{t}/in/{u}/n/{n}",
    "/m/{t}/in/{u}/{path}",
    "/m/{t}/{path}",
    "/inc/{z}/leaf/{leaf}",
    "/inc/{z}/files/{path}",
    "/wrapped/{w}/x/{n}",
    "/wrapped/{w}/{path}",
)


def crossroads():
    """Return an application with every kind of route, nested in every way."""

    def leaf(path, **options):
        return Route(path, ok, **options)

    inner = Starlette(routes=[leaf("/n/{n:int}"), leaf("/n/{n:int}", methods=["POST"])])
    included = APIRouter()
    included.get("/leaf/{leaf}")(lambda z, leaf: {})
    included.mount("/files", StaticFiles(directory=".", check_dir=False))
    behind = Starlette(routes=[leaf("/x/{n:int}")])
    app = FastAPI()
    app.include_router(included, prefix="/inc/{z}")
    app.mount("/wrapped/{w}", HttpMetrics(behind, Platform(), access_log=False))
    app.router.routes += [
        Host("{sub}.api.example", Starlette(routes=[leaf("/v1/{x}"), leaf("/{a}/{b}/{c}")])),
        WebSocketRoute("/orders/{n:int}", ok),
        leaf("/v1/{x}"),
        leaf("/orders/{n:int}"),
        leaf("/ratio/{f:float}"),
        leaf("/by/{id:uuid}"),
        leaf("/any/{rest:path}"),
        Mount("/m/{t}", routes=[leaf("/v1/{x}"), Mount("/in/{u}", inner)]),
        leaf("/{a}/{b}/{c}"),
    ]
    return app


APP = crossroads()


async def routed(path, *, kind="http", method="GET", host=b"x", root_path=""):
    """Return the template of one request, asked as a server asks."""
    scope = {
        "type": kind,
        "method": method,
        "path": root_path + path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", host)],
    }

    async def receive():
        return {"type": f"{kind}.{'request' if kind == 'http' else 'connect'}", "body": b""}

    async def send(message):
        pass

    with suppress(Exception):  # What a route answers is not what is looked at.
        await APP(scope, receive, send)
    return template(scope)


def ask(path, **how):
    return asyncio.run(routed(path, **how))


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/v1", "/v1/{x}"),
        ("/m/m/v1/v1", "/m/{t}/v1/{x}"),
        ("/orders/007", "/orders/{n}"),
        ("/orders/" + "1" * 6_000, None),
        ("/m/1/in/1/n/007", "/m/{t}/in/{u}/n/{n}"),
        ("/m/1/in/1/n/" + "1" * 6_000, "/m/{t}/in/{u}/{path}"),
        ("/m/1/in/1/n/٣", "/m/{t}/in/{u}/{path}"),
        ("/ratio/1.50", "/ratio/{f}"),
        ("/by/A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "/by/{id}"),
        ("/any/a//b/\udcff%2f", "/any/{rest}"),
        ("/inc/inc/leaf/inc", "/inc/{z}/leaf/{leaf}"),
        ("/inc/files/files/files", "/inc/{z}/files/{path}"),
        ("/wrapped/x/x/007", "/wrapped/{w}/x/{n}"),
        ("/wrapped/x/y", "/wrapped/{w}/{path}"),
    ],
)
def test_the_label_is_the_template_however_the_values_are_written(path, route):
    assert ask(path) == route
    assert ask(path, root_path="/m/cut") == route


def test_methods_hosts_and_websockets_lead_to_the_template_that_was_matched():
    assert ask("/m/1/in/2/n/3", method="POST") == "/m/{t}/in/{u}/n/{n}"
    assert ask("/v1/v1", method="DELETE") == "/v1/{x}"
    assert ask("/orders/007", kind="websocket") == "/orders/{n}"
    assert ask("/v1/v1", host=b"v1.api.example") == "/v1/{x}"
    assert ask("/orders/7", host=b"orders.api.example") == "/{path}"


SEGMENT = st.one_of(
    st.sampled_from(
        ["v1", "m", "in", "inc", "files", "leaf", "orders", "any", "n", "x", "wrapped"]
    ),
    st.from_regex(r"[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True),
    st.uuids().map(lambda value: str(value).upper()),
    st.text(st.characters(), max_size=20),
)


@given(
    st.lists(SEGMENT, max_size=8).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(["http", "websocket"]),
    st.sampled_from(["GET", "POST", "BREW"]),
    st.sampled_from([b"x", b"a.api.example", b"\xff"]),
    st.sampled_from(["", "/m/cut", "/v1"]),
)
def test_no_path_makes_a_label_of_its_own(path, kind, method, host, root_path):
    found = ask(path, kind=kind, method=method, host=host, root_path=root_path)
    assert found in {None, "/{path}", *TEMPLATES}


def test_a_long_path_is_read_in_one_go():
    for path, route in (("/any" + "/any" * 250_000, "/any/{rest}"), ("/m" * 500_000, None)):
        assert ask(path) == route or ask(path) == "/m/{t}/{path}"


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
