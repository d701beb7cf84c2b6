"""A name server that is silent for one name delays nobody else, nor the end of the process."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from dexwatch.roles import lookups
from dexwatch.roles.lookups import share_lookups


class NameServer:
    """The system's lookup, silent for names that begin with `silent`; it counts what is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.speaks = threading.Event()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, *more: Any) -> Any:
        self.asked[host] += 1
        if host.startswith("silent"):
            self.speaks.wait(30)
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self._real(host, *more)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    found = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield found
    found.speaks.set()


async def _gives_up(host: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.open_connection(host, 1)


async def test_a_silent_name_holds_one_thread_and_delays_nobody(names: NameServer) -> None:
    share_lookups()
    for _ in range(3):
        await asyncio.gather(*(_gives_up("silent.example") for _ in range(40)))
    assert names.asked["silent.example"] == 1
    server = await asyncio.start_server(lambda _, writer: writer.close(), "localhost", 0)
    async with server, asyncio.timeout(5):
        _, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        writer.close()


async def test_who_still_waits_gets_the_answer_or_the_error(names: NameServer) -> None:
    share_lookups()
    waiting = [asyncio.create_task(asyncio.open_connection("silent.example", 1)) for _ in range(3)]
    await _gives_up("silent.example")
    names.speaks.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, socket.gaierror) for error in found)
    with pytest.raises(socket.gaierror):
        await asyncio.open_connection("silent.example", 1)
    assert names.asked["silent.example"] == 2


async def test_lookups_are_bounded(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST", 2)
    share_lookups()
    await asyncio.gather(_gives_up("silent-a"), _gives_up("silent-b"))
    with pytest.raises(socket.gaierror, match="too many names"):
        await asyncio.open_connection("silent-c", 1)


async def test_a_thread_that_cannot_start_fails_one_lookup_and_no_later_one(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_lookups()

    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    with pytest.raises(socket.gaierror):
        await asyncio.get_running_loop().getaddrinfo("localhost", 1)
    monkeypatch.undo()
    async with asyncio.timeout(5):
        assert await asyncio.get_running_loop().getaddrinfo("localhost", 1)
