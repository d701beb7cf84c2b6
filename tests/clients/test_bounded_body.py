"""However an answer is packed, it costs no more memory than its bound."""

import gzip
import tracemalloc

import pytest

from dexwatch.clients.http import AnswerTooLargeError, HttpClient, Outcome, SourceError
from dexwatch.demo.local.server import LoopbackServer, Reply, Request

MOST = 1_000_000


async def read(body: bytes, encoding: str) -> bytes:
    """Return what a client with a bound of `MOST` bytes makes of such an answer."""

    async def packed(_: Request) -> Reply:
        return Reply(body, headers={"content-encoding": encoding} if encoding else {})

    async with LoopbackServer(packed) as server, HttpClient(server.url, limit_bytes=MOST) as client:
        return (await client.send("GET")).body


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_packed_answer_is_unpacked(encoding: str) -> None:
    text = b"block " * 100_000
    assert await read(gzip.compress(text), encoding) == text


@pytest.mark.parametrize("encoding", ["", "identity"])
async def test_an_answer_of_the_very_bound_is_taken(encoding: str) -> None:
    assert await read(b"x" * MOST, encoding) == b"x" * MOST
    assert await read(gzip.compress(b"x" * MOST), "gzip") == b"x" * MOST


async def test_what_unpacks_to_more_than_the_bound_is_never_unpacked_whole() -> None:
    bomb = gzip.compress(bytes(60 * MOST))
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLargeError):
            await read(bomb, "gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MOST


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,gzip,gzip", "deflate", "br", "zstd", "?"])
async def test_what_was_not_asked_for_is_not_unpacked(encoding: str) -> None:
    body = b"{}"
    for _ in range(1 + encoding.count(",")):
        body = gzip.compress(body)
    with pytest.raises(SourceError) as refused:
        await read(body, encoding)
    assert refused.value.outcome is Outcome.MALFORMED


WRONGLY = {"no gzip at all": b"{}", "another checksum": gzip.compress(b"{}")[:-8] + bytes(8)}


@pytest.mark.parametrize("body", WRONGLY.values(), ids=WRONGLY)
async def test_what_is_packed_wrongly_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError) as refused:
        await read(body, "gzip")
    assert refused.value.outcome is Outcome.MALFORMED
