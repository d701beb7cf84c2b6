"""What is counted is what the client saw, however a request ends; and nothing stays in flight."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch_instrument import HttpMetrics, Platform

START = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"x", "more_body": True}
END = {"type": "http.response.body", "body": b"", "more_body": False}
ACTIVE = "http_server_active_requests"


async def counted(app, *, gone=False):
    """Return the status that is counted, and what stays in flight."""
    platform = Platform()

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        if gone and message["type"] == "http.response.body":
            raise OSError("the client has left")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await HttpMetrics(app, platform, access_log=False)(scope, receive, send)
    (status,) = (
        sample.labels["http_response_status_code"]
        for family in platform.registry.collect()
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
    )
    value = platform.registry.get_sample_value
    return int(status), value(ACTIVE, {"http_request_method": "GET"})


def application(*steps):
    async def app(scope, receive, send):
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            await (receive() if step == "receive" else send(step))

    return app


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((START, PART, END), 200),
        ((START, END, RuntimeError("in the background")), 200),
        ((START, END, "receive"), 200),
        ((START, PART, RuntimeError("broke off")), 500),
        ((RuntimeError("at once"),), 500),
        ((), 500),
        ((START, PART, "receive"), 499),
        (("receive",), 499),
        ((START, PART, asyncio.CancelledError()), 499),
        ((START, PART, "receive", RuntimeError("because it left")), 499),
    ],
)
async def test_each_end_has_its_status(steps, status):
    assert await counted(application(*steps)) == (status, 0)


async def test_a_client_that_leaves_while_it_is_written_to_is_499():
    assert await counted(application(START, PART, END), gone=True) == (499, 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["begin", "end", "fail", "cancel"]))))
async def test_in_flight_is_what_runs_and_never_negative(plan):
    platform, running = Platform(), {}

    async def send(message):
        return None

    async def app(scope, receive, send):
        if await scope["gate"] == "fail":
            raise RuntimeError
        await send(START)
        await send(END)

    measured = HttpMetrics(app, platform, access_log=False)
    for number, act in plan:
        task, gate = running.get(number, (None, None))
        if act == "begin" and task is None:
            gate = asyncio.get_running_loop().create_future()
            scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "gate": gate}
            running[number] = asyncio.create_task(measured(scope, None, send)), gate
            await asyncio.sleep(0)
        elif act != "begin" and task is not None:
            del running[number]
            task.cancel() if act == "cancel" else gate.set_result(act)
            await asyncio.gather(task, return_exceptions=True)
        active = platform.registry.get_sample_value(ACTIVE, {"http_request_method": "GET"})
        assert (active or 0) == len(running)
    for task, _ in running.values():
        task.cancel()
    await asyncio.gather(*(task for task, _ in running.values()), return_exceptions=True)
