"""The middleware measures what a client sees, under names that cannot grow without end."""

import io
import json
import logging

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dexwatch_instrument import HttpMetrics, MetricsPage, Platform, logs, trace

SECONDS = "http_server_request_duration_seconds"


def build(platform: Platform) -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/api")

    @router.get("/users/{user}")
    async def user(user: str) -> dict[str, str]:
        return {"user": user, **trace.outgoing()}

    @router.post("/echo")
    async def echo(body: dict[str, str]) -> dict[str, str]:
        return body

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    app.include_router(router)
    app.add_route("/metrics", MetricsPage(platform.registry))
    app.add_middleware(HttpMetrics, platform=platform)
    return app


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def client(platform: Platform) -> TestClient:
    return TestClient(build(platform), raise_server_exceptions=False)


def count(platform: Platform, route: str, status: int = 200, method: str = "GET") -> float:
    labels = {
        "http_request_method": method,
        "http_route": route,
        "http_response_status_code": str(status),
    }
    return platform.registry.get_sample_value(f"{SECONDS}_count", labels) or 0.0


def test_counts_by_template_not_by_path(client, platform):
    for name in ("ana", "bo", "cy"):
        client.get(f"/api/users/{name}")
    assert count(platform, "/api/users/{user}") == 3


def test_unknown_routes_and_methods_collapse(client, platform):
    for number in range(5):
        client.get(f"/nothing/{number}")
        client.request(f"HACK{number}", "/api/echo")
    assert count(platform, "unmatched", 404) == 5
    page = client.get("/metrics").text
    assert "HACK" not in page
    assert 'http_request_method="_OTHER"' in page


def test_routes_beyond_the_bound_become_other(platform):
    app = HttpMetrics(build(platform), platform, route_of=lambda scope: scope["path"], routes=3)
    client = TestClient(app)
    for number in range(6):
        client.get(f"/{number}")
    assert count(platform, "/1", 404) == 1
    assert count(platform, "other", 404) == 4


def test_an_exception_counts_as_500_and_nothing_stays_in_flight(client, platform):
    assert client.get("/api/broken").status_code == 500
    assert count(platform, "/api/broken", 500) == 1
    active = platform.registry.get_sample_value(
        "http_server_active_requests", {"http_request_method": "GET"}
    )
    assert active == 0


def test_measures_bodies(client, platform):
    body = json.dumps({"text": "x" * 500})
    client.post("/api/echo", content=body, headers={"content-type": "application/json"})
    labels = {
        "http_request_method": "POST",
        "http_route": "/api/echo",
        "http_response_status_code": "200",
    }
    value = platform.registry.get_sample_value
    assert value("http_server_request_body_size_bytes_sum", labels) == len(body)
    assert value("http_server_response_body_size_bytes_sum", labels) > 500


def test_plain_starlette_routes_give_their_template(platform):
    async def show(request):
        return PlainTextResponse(request.path_params["pair"])

    app = Starlette(routes=[Route("/pairs/{pair}/price", show)])
    TestClient(HttpMetrics(app, platform)).get("/pairs/WBNB-USDT/price")
    assert count(platform, "/pairs/{pair}/price") == 1


def test_the_page_leaves_out_created_series(client):
    client.get("/api/users/ana")
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "_created" not in page.text


def test_passes_the_trace_on(client):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = client.get("/api/users/ana", headers={"traceparent": parent}).json()
    version, trace_id, span_id, flags = answer["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
    assert span_id != "b7ad6b7169203331"


def test_writes_an_access_line_without_the_query(client):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.EcsFormatter("api"))
    logger = logging.getLogger("dexwatch.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        client.get("/api/users/ana?token=hunter2")
    finally:
        logger.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert line["http.route"] == "/api/users/{user}"
    assert line["http.response.status_code"] == 200
    assert line["event.duration"] > 0
    assert len(line["trace.id"]) == 32
    assert "hunter2" not in stream.getvalue()
