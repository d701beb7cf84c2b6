"""What counts as an answer: an address is used exactly as given, a redirect is none."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dexwatch.clients import probing
from dexwatch.clients.probing import ProbeError, http_answers, port_open


class Server:
    """Answers with one status, and notes what it was asked for."""

    def __init__(self) -> None:
        self.status, self.asked, self.port = "200 OK", [], 0
        self.location = "/elsewhere"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split()[1])
        head = f"HTTP/1.1 {self.status}\r\nlocation: {self.location}\r\ncontent-length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


@pytest.mark.parametrize("path", ["/health", "/health/", "/health?deep=1", "/v1/KEY"])
async def test_address_is_used_exactly_as_given(server: Server, path: str) -> None:
    assert await http_answers(f"http://127.0.0.1:{server.port}{path}") == "status 200"
    assert server.asked == [path]


@pytest.mark.parametrize("status", ["301 X", "302 X", "307 X", "308 X"])
async def test_redirect_is_no_answer_and_says_where_it_leads(server: Server, status: str) -> None:
    server.status = status

    with pytest.raises(ProbeError, match=r"write the address it leads to, /elsewhere"):
        await http_answers(f"http://127.0.0.1:{server.port}/health")
    assert len(server.asked) == 1


@pytest.mark.parametrize("before", ["/v1/", "/" + "x" * 470])
async def test_where_a_redirect_leads_is_told_without_our_keys(server: Server, before: str) -> None:
    # The longer one is cut within the key.
    server.status, server.location = "301 X", f"https://dex.example.org{before}key-of-ana/"

    with pytest.raises(ProbeError, match=r"write the address it leads to, https://dex") as raised:
        await http_answers(f"http://127.0.0.1:{server.port}/v1/key-of-ana")
    assert "key" not in str(raised.value)


@pytest.mark.parametrize("status", ["401 X", "404 X", "500 X", "503 X"])
async def test_refusal_is_no_answer(server: Server, status: str) -> None:
    server.status = status

    with pytest.raises(ProbeError, match=f"status {status[:3]}"):
        await http_answers(f"http://127.0.0.1:{server.port}/health")


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        ("https://dex.example.org", ("dex.example.org", 443)),
        ("https://dex.example.org:8443/rpc", ("dex.example.org", 8443)),
        ("http://dex.example.org/rpc", ("dex.example.org", 80)),
        ("wss://dex.example.org", ("dex.example.org", 443)),
        ("redis://:sesame@10.0.0.5", ("10.0.0.5", 6379)),
        ("dex.example.org:25", ("dex.example.org", 25)),
        ("[::1]:25", ("::1", 25)),
    ],
)
async def test_port_is_that_of_the_scheme(
    monkeypatch: pytest.MonkeyPatch, address: str, opened: tuple[str, int]
) -> None:
    class Writer:
        def close(self) -> None:
            pass

    async def connect(host: str, port: int) -> tuple[None, Writer]:
        assert (host, port) == opened
        return None, Writer()

    monkeypatch.setattr(probing.asyncio, "open_connection", connect)

    assert await port_open(address) == f"port {opened[1]} open"
