"""The console measures itself: by route and answer, never by what a stranger wrote."""

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from dexwatch.console.measuring import Measured, Measurements
from dexwatch.metrics import own
from tests.fakes.hostile import browser


@pytest.fixture
def measurements() -> Measurements:
    return Measurements()


@pytest.fixture
def site(measurements: Measurements) -> FastAPI:
    """A site with one page of each kind."""
    made = FastAPI()
    made.add_middleware(Measured, measurements=measurements)

    @made.get("/things/{name}")
    async def thing(name: str) -> str:
        if name == "broken":
            raise RuntimeError
        if name == "hidden":
            raise HTTPException(403)
        return name

    @made.get("/stream")
    async def stream() -> StreamingResponse:
        async def events():
            yield f"open: {number(measurements, own.console_streams)}"

        return StreamingResponse(events())

    return made


def number(measurements: Measurements, metric, **labels: str) -> float | None:
    for sample in measurements.samples():
        if sample.metric is metric and sample.labels == labels:
            return getattr(sample.value, "total", sample.value)
    return None


async def test_requests_count_by_route_method_and_answer(site, measurements) -> None:
    async with browser(site) as client:
        for name in ("one", "two", "hidden"):
            await client.get(f"/things/{name}")
        await client.get("/things/broken")
        await client.get("/no/such/page")
        await client.request("STRANGE", "/things/one")
    route = {"route": "/things/{name}", "method": "GET"}
    assert number(measurements, own.console_requests, **route, status="200") == 2
    assert number(measurements, own.console_requests, **route, status="403") == 1
    assert number(measurements, own.console_requests, **route, status="500") == 1
    assert number(measurements, own.console_request_seconds, route="/things/{name}") >= 4
    text = repr(list(measurements.samples()))
    assert "/no/such" not in text
    assert "STRANGE" not in text


async def test_a_stream_counts_while_it_is_open_and_not_as_a_slow_page(site, measurements) -> None:
    async with browser(site) as client:
        assert (await client.get("/stream")).text == "open: 1.0"
    assert number(measurements, own.console_streams) == 0
    assert number(measurements, own.console_request_seconds, route="/stream") is None


async def test_a_refused_sign_in_is_told_apart(parts, outsider) -> None:
    measurements = parts[0].user_middleware[-1].kwargs["measurements"]
    assert (await outsider.post("/sign-in", data={"name": "ana"})).status_code == 403
    found = number(
        measurements, own.console_requests, route="/sign-in", method="POST", status="403"
    )
    assert found == 1
