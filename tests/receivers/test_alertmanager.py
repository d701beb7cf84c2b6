"""The inbound receiver: who may enter, with what, and what the answer promises."""

import asyncio

import pytest
import uvicorn

from dexwatch.incidents.events import AlertFired, AlertResolved
from dexwatch.metrics.severity import Severity
from dexwatch.receivers.alertmanager.config import BOUNDS, Bounds
from tests.fakes.alerts import payload, webhook_alert
from tests.fakes.inbound import GOOD, PATH, TOKEN, RecordingReceiver, broken, client
from tests.fakes.need import free_port


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer \xff\xfe".encode("latin-1")},
        {"Authorization": ""},
    ],
)
async def test_without_the_token_the_answer_is_401_and_nothing_is_read(headers: dict) -> None:
    receiver = RecordingReceiver()
    async with client(receiver) as http:
        response = await http.post(PATH, content=b"x" * 10, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in response.text
    assert (receiver.events, receiver.counted) == ([], ["unauthorized"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"version":"4"',
        broken(version="5"),
        broken(alerts="none"),
        broken(alerts=[1]),
        broken(status="maybe"),
        broken(alerts=[webhook_alert() | {"startsAt": "yesterday"}]),
        broken(alerts=[webhook_alert() | {"startsAt": "2026-03-02T08:00:00"}]),
        broken(alerts=[webhook_alert() | {"startsAt": "9999-12-31T23:59:59-23:59"}]),
        broken(alerts=[webhook_alert() | {"startsAt": "0001-01-01T00:00:00Z"}]),
        broken(alerts=[webhook_alert() | {"endsAt": "0001-01-01T00:00:00+23:59"}]),
        broken(alerts=[webhook_alert() | {"fingerprint": ""}]),
        broken(alerts=[webhook_alert() | {"labels": {"alertname": 5}}]),
        b"[" * 100_000,
    ],
)
async def test_what_is_no_webhook_of_version_4_gets_400(body: bytes) -> None:
    receiver = RecordingReceiver()
    async with client(receiver) as http:
        response = await http.post(PATH, content=body, headers=GOOD)
    assert response.status_code == 400
    assert (receiver.events, receiver.counted) == ([], ["malformed"])


@pytest.mark.parametrize("announced", [True, False])
async def test_twenty_megabytes_get_413_and_are_cut_off_early(announced: bool) -> None:
    """Over a real socket: the sender is told long before it has pushed everything."""
    receiver, port = RecordingReceiver(), free_port()
    app = receiver.app()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = 20 * 1024 * 1024
    framing = f"Content-Length: {size}" if announced else "Transfer-Encoding: chunked"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{framing}"
    writer.write(f"{head}\r\n\r\n".encode())
    pushed, piece = 0, b"x" * 65536

    async def push() -> None:
        nonlocal pushed
        while pushed < size:
            writer.write(piece if announced else b"10000\r\n" + piece + b"\r\n")
            await writer.drain()
            pushed += len(piece)

    pushing = asyncio.create_task(push())
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
    pushing.cancel()
    await asyncio.gather(pushing, return_exceptions=True)
    writer.close()
    server.should_exit = True
    await serving
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert pushed < size
    assert (receiver.events, receiver.counted) == ([], ["too_large"])


async def test_a_sender_that_dawdles_is_sent_away() -> None:
    receiver = RecordingReceiver()
    app = receiver.app(Bounds(body_seconds=0.1))

    async def receive() -> dict[str, object]:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": b"{", "more_body": True}

    given, sent = False, []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
    }
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert sent[0]["status"] == 408
    assert (receiver.events, receiver.counted) == ([], ["too_slow"])


async def test_a_body_just_within_the_bound_is_taken() -> None:
    receiver = RecordingReceiver()
    body = broken()
    async with client(receiver) as http:
        fits = await http.post(PATH, content=body.ljust(BOUNDS.body_bytes), headers=GOOD)
        over = await http.post(PATH, content=body.ljust(BOUNDS.body_bytes + 1), headers=GOOD)
    assert (fits.status_code, over.status_code) == (200, 413)


async def test_while_the_store_is_down_alertmanager_is_asked_to_try_again() -> None:
    receiver = RecordingReceiver()
    receiver.down = True
    async with client(receiver) as http:
        response = await http.post(PATH, content=broken(), headers=GOOD)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        receiver.down = False
        assert (await http.post(PATH, content=broken(), headers=GOOD)).status_code == 200
    assert receiver.counted == ["unavailable", "accepted"]


async def test_alerts_become_facts_the_resolved_first_and_the_dead_mans_signal_none() -> None:
    receiver = RecordingReceiver()
    alerts = [
        webhook_alert("Late", "critical", annotations={"summary": "s", "for_seconds": "30s"}),
        webhook_alert("Done", "P3", status="resolved", ends_at="2026-03-02T08:05:00+02:00"),
        webhook_alert("Odd", "whatever") | {"newer": {"keys": ["are", "let", "pass"]}},
        webhook_alert("Watchdog", "none"),
    ]
    async with client(receiver) as http:
        body = payload(*alerts) | {"notification_reason": "first"}
        assert (await http.post(PATH, json=body, headers=GOOD)).status_code == 200
    done, late, odd = receiver.events
    assert isinstance(done, AlertResolved)
    assert done.ends_at >= done.starts_at
    assert isinstance(late, AlertFired)
    assert (late.severity, odd.severity) == (Severity.P0, Severity.P2)
    assert (late.starts_at - late.began_at).total_seconds() == 30
    assert late.group == "alert_group/api/api"


async def test_a_sender_that_leaves_before_its_end_is_counted_and_no_error_of_ours() -> None:
    receiver = RecordingReceiver()
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"host", b"receiver")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "headers": headers,
        "query_string": b"",
    }
    coming = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, object]:
        return next(coming)

    async def send(_message: object) -> None:
        """Nobody is there to read it."""

    await receiver.app()(scope, receive, send)
    assert (receiver.events, receiver.counted) == ([], ["too_slow"])
