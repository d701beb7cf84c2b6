"""The server of the roles: strangers can neither fill it nor call it by another name."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dexwatch.daemons.ports import answers
from dexwatch.daemons.program import HttpReady, PortTakenError
from dexwatch.roles.http import serving as serving_module
from dexwatch.roles.http.connections import Limits
from dexwatch.roles.http.serving import serving

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())}")


def application() -> Starlette:
    return Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])


@contextlib.asynccontextmanager
async def connected(port: int, count: int, sent: bytes = b"") -> AsyncIterator[list[Connection]]:
    """So many connections of strangers, each of which has sent that much and waits."""
    made = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            made.append((reader, writer))
        yield made
    finally:
        for _, writer in made:
            writer.close()


async def ended(connection: Connection) -> bool:
    """Has the server hung up?"""
    with contextlib.suppress(ConnectionError, TimeoutError):
        return await asyncio.wait_for(connection[0].read(), 5.0) == b""
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_five_hundred_idle_connections_keep_nobody_out(sent: bytes) -> None:
    limits = Limits(head_seconds=60, body_seconds=60)
    async with (
        serving(application(), 0, setting="a.port", limits=limits) as port,
        connected(port, limits.most + 5, sent) as strangers,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        for length in range(3):
            answer = await client.post("/", content=b"x" * length)
            assert (answer.status_code, answer.text) == (200, f"{length}")
        if not sent.startswith(b"GET"):
            assert await ended(strangers[0])


async def test_a_crowd_of_one_peer_gives_way_to_another_peer() -> None:
    limits = Limits(most=4, head_seconds=60)
    async with serving(application(), 0, setting="a.port", limits=limits) as port:
        quiet = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        async with connected(port, 10) as strangers:
            assert all([await ended(each) for each in strangers[:7]])
            quiet[1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await quiet[0].readline()).startswith(b"HTTP/1.1 200")
        quiet[1].close()
        assert limits.refused == 7


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1234"],
)
async def test_whoever_dawdles_is_hung_up_on(sent: bytes) -> None:
    limits = Limits(head_seconds=0.2, body_seconds=0.2)
    async with (
        serving(application(), 0, setting="a.port", limits=limits) as port,
        connected(port, 1, sent) as [stranger],
    ):
        assert await ended(stranger)


async def test_a_kept_connection_that_goes_quiet_is_ended_and_a_busy_one_is_kept() -> None:
    limits = Limits(head_seconds=0.5)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with (
        serving(application(), 0, setting="a.port", limits=limits) as port,
        connected(port, 1) as [(reader, writer)],
    ):
        for _ in range(4):
            writer.write(request)
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n0"), 5)
        writer.write(b"GET / HT")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_the_supervisor_has_a_way_of_its_own(tmp_path: Path) -> None:
    """Every place at the port is taken by requests in work, and the role still says it is well."""
    deep = tmp_path / ("d" * 100)
    busy = asyncio.Event()

    async def wait(_: Request) -> PlainTextResponse:
        await busy.wait()
        return PlainTextResponse("done")

    async def healthy(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/wait", wait), Route("/healthz", healthy)])
    socket = deep / "role.sock"
    asked = HttpReady("http://localhost/healthz", socket=socket)
    assert not await answers(asked)
    limits = Limits(most=3)
    async with (
        serving(app, 0, setting="a.port", limits=limits, health=socket) as port,
        connected(port, 3, b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ):
        assert socket.stat().st_mode & 0o777 == 0o600
        for _ in range(5):
            assert await answers(asked)
        busy.set()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8900", 200),
        ("[::1]:8900", 200),
        ("Dex.Example:443", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8900", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
async def test_only_names_of_ours_are_answered(host: str, status: int) -> None:
    async with (
        serving(application(), 0, setting="a.port", names=["dex.example"]) as port,
        httpx.AsyncClient() as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{port}/", headers={"host": host})
        assert answer.status_code == status


async def test_a_taken_port_names_the_setting() -> None:
    async with serving(application(), 0, setting="a.port") as port:
        with pytest.raises(PortTakenError, match=rf"a\.port: 127\.0\.0\.1:{port} is taken"):
            async with serving(application(), port, setting="a.port"):
                pass


async def test_no_caller_chooses_its_own_address() -> None:
    async def address(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.client.host if request.client else "")

    site = Starlette(routes=[Route("/", address)])
    async with serving(site, 0, setting="test.port") as port, httpx.AsyncClient() as asked:
        headers = {"x-forwarded-for": "203.0.113.9"}
        answer = await asked.get(f"http://127.0.0.1:{port}/", headers=headers)
    assert answer.text == "127.0.0.1"


async def test_a_request_with_two_lengths_is_refused_and_nothing_after_it_is_read() -> None:
    """A proxy that believes the other length would hand us a stranger's request as a client's."""
    sent = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    async with (
        serving(application(), 0, setting="a.port") as port,
        connected(port, 1, sent) as strangers,
    ):
        said = await asyncio.wait_for(strangers[0][0].read(), 10)
        assert said.startswith(b"HTTP/1.1 400")
        assert said.count(b"HTTP/1.1") == 1


async def test_an_application_that_will_not_end_is_cut_off_and_hides_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving_module, "GRACE_SECONDS", -1.9)

    @contextlib.asynccontextmanager
    async def endless(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    with pytest.raises(ValueError, match="of the block"):
        async with serving(Starlette(lifespan=endless), 0, setting="a.port"):
            raise ValueError("of the block")


async def test_without_file_descriptors_it_tries_again_in_peace() -> None:
    """One complaint for each attempt, not hundreds, which would fill the disk and the processor."""
    complaints: list[str] = []
    complained = asyncio.Event()

    def complain(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        complaints.append(str(context["message"]))
        complained.set()

    asyncio.get_running_loop().set_exception_handler(complain)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(application(), 0, setting="a.port") as port:
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.ExitStack() as full:
                full.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
                resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 20, before[1]))
                with contextlib.suppress(OSError):
                    while True:
                        full.callback(os.close, os.dup(client.fileno()))
                await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
                await asyncio.wait_for(complained.wait(), 10)
            assert complaints == ["socket.accept() out of system resource"]
        async with httpx.AsyncClient(timeout=10) as again:
            assert (await again.get(f"http://127.0.0.1:{port}/")).status_code == 200
