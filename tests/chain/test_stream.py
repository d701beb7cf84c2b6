"""The stream against fake nodes: push, poll, another primary, divergence, all kinds of nonsense."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from dexwatch.backoff import Backoff, Failures
from dexwatch.chain import heads
from dexwatch.metrics import chain
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until
from tests.fakes.streams import mine, watched


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


async def test_pushed_heads_are_evaluated_in_order(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        polls = node.calls["eth_getBlockByNumber"]
        for _ in range(10):
            await mine(node)
            await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert seen.hashes == node.chain.canonical
        assert seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 1
        # While heads are pushed they are not polled.
        assert node.calls["eth_getBlockByNumber"] - polls <= 3


async def test_without_websocket_heads_are_polled(node: FakeNode) -> None:
    async with watched(node, push=False) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(5)
        await until(lambda: seen.hashes == node.chain.canonical)


async def test_a_silent_subscription_is_polled_past_and_renewed(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.muted = True
        node.chain.mine(3)
        await until(lambda: seen.hashes == node.chain.canonical)
        await until(lambda: node.calls["eth_subscribe"] > 1)


async def test_a_node_without_subscriptions_is_polled(node: FakeNode) -> None:
    node.lacks.add("eth_subscribe")
    async with watched(node) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(3)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 0


@pytest.mark.parametrize("answer", [{}, [], True, False, "", 1.5, None, {"id": "0x1"}, ["0x1"]])
async def test_an_answer_that_names_no_subscription_is_none_and_told_once(
    node: FakeNode, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "_RECONNECT", Backoff(first=0.01, most=0.01))
    node.subscription = answer
    with capture_logs() as logs:
        async with watched(node) as (_, seen):
            await until(lambda: node.calls["eth_subscribe"] > 3)
            node.chain.mine(3)
            await until(lambda: seen.hashes == node.chain.canonical)
            assert seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 0
    told = [log for log in logs if log["event"] == "no subscription: heads are polled"]
    assert [log["log_level"] for log in told].count("warning") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '{"params":null}',
        '{"params":{"result":null}}',
        '{"params":{"result":{"number":"0x' + "f" * 40 + '"}}}',
        orjson.dumps({"params": {"result": {**FakeChain().head, "hash": None}}}).decode(),
        orjson.dumps({"params": {"result": {**FakeChain().head, "number": 5}}}).decode(),
    ],
)
async def test_a_push_that_cannot_be_read_is_counted_and_skipped(node: FakeNode, text: str) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await node.push_raw(text)
        await mine(node)
        await until(lambda: seen.hashes == node.chain.canonical)
        labels = {"endpoint": "node-0", "method": "newHeads", "outcome": "malformed"}
        assert seen.series.value(chain.endpoint_requests, **labels) == 1


async def test_a_reorganisation_is_followed(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await mine(node, 6)
        await until(lambda: seen.hashes == node.chain.canonical)
        node.chain.fork(3, 4)
        await node.push()
        await until(lambda: seen.hashes[-4:] == node.chain.canonical[-4:])
        assert len(seen.reorgs[0].blocks) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"raw": b"null"},
        {"raw": b"{" * 1000},
        {"cut": 7},
        {"id_shift": 1},
        {"status": 500},
        {"silent": True},
    ],
)
async def test_a_bad_time_of_the_only_node_is_survived_and_nothing_is_lost(
    node: FakeNode, fault: dict[str, Any]
) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        healthy = {name: getattr(node, name) for name in fault}
        for name, value in fault.items():
            setattr(node, name, value)
        # Fewer than it takes to give a block up, which is another test.
        node.chain.mine()
        await asyncio.sleep(0.05)
        for name, value in healthy.items():
            setattr(node, name, value)
        await mine(node, 2)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_an_unreadable_block_is_given_up_and_counted(node: FakeNode) -> None:
    async with watched(node, patience_seconds=0.5) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.chain.mine()
        node.chain.head["gasUsed"] = "0x" + "f" * 60
        await mine(node)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        await mine(node)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert seen.series.value(chain.blocks, stage="lost") == 1
        assert len(seen.blocks) == len(node.chain.canonical) - 1


async def test_another_endpoint_takes_over_when_the_primary_dies(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        assert stream.primary.name == "node-0"
        node.status, node.muted = 503, True
        await mine(second, 5)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert stream.primary.name == "node-1"


async def test_another_endpoint_takes_over_when_the_primary_falls_behind(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        node.behind, node.muted = 80, True
        await mine(second, 80)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert stream.primary.name == "node-1"


async def test_nothing_is_given_up_for_a_head_that_the_node_does_not_have(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await node.push({**FakeChain(1_000_000).head})
        await asyncio.sleep(1.0)
        await mine(node, 3)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


@pytest.mark.parametrize(
    "early",
    [
        "",
        "connected",
        b"\x00\x01",
        '{"jsonrpc":"2.0","method":"ping"}',
        '{"method":"eth_subscription","params":{"subscription":"0x9","result":null}}',
        "[]",
        '{"status":"connected"}',
        '{"jsonrpc":"2.0","id":77,"result":"welcome"}',
        '{"jsonrpc":"2.0","result":"welcome"}',
    ],
)
@pytest.mark.parametrize("name", ["0x1", 17])
async def test_what_comes_before_the_confirmation_is_no_refusal(
    node: FakeNode, early: str | bytes, name: str | int
) -> None:
    node.early, node.subscription = (early, early), name
    async with watched(node) as (_, seen):
        await until(lambda: seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 1)
        await mine(node)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert node.calls["eth_subscribe"] == 1


async def test_a_node_that_repeats_its_last_head_is_as_good_as_mute(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        old = node.chain.head
        node.chain.mine(3)

        async def repeat() -> None:
            while True:
                await node.push(old)
                await asyncio.sleep(0.02)

        repeating = asyncio.create_task(repeat())
        await until(lambda: seen.hashes == node.chain.canonical)
        repeating.cancel()


async def test_a_redirect_of_the_websocket_is_not_followed(node: FakeNode) -> None:
    async with running(FakeNode(FakeChain())) as inner:
        target = f"HTTP/1.1 302 Found\r\nlocation: {inner.ws}\r\ncontent-length: 0\r\n\r\n"
        knocks = 0

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal knocks
            await reader.readuntil(b"\r\n\r\n")
            knocks += 1
            writer.write(target.encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
            node.ws = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with watched(node) as (_, seen):
                await until(lambda: knocks > 1 and seen.blocks)
                assert not inner.calls
                assert not inner.sockets


async def test_dropped_connections_after_healthy_spells_do_not_add_up(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    backoff = Backoff(first=0.01, most=30.0, spread=0.0)

    class Noted(Failures):
        def failed(self, *, retry_after: float | None = None) -> float:
            delays.append(super().failed(retry_after=retry_after))
            return 0.01

    monkeypatch.setattr(heads, "Failures", Noted)
    monkeypatch.setattr(heads, "_RECONNECT", backoff)
    monkeypatch.setattr(heads, "_HEALTHY_SECONDS", 0.0)
    async with watched(node) as (_, seen):
        await until(lambda: seen.blocks)
        for count in range(1, 13):
            await until(lambda: node.sockets)
            await mine(node)
            await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
            for socket in tuple(node.sockets):
                # Cut off, not closed in order, as by a balancer that restarts.
                socket.transport.abort()
            await until(lambda wanted=count: len(delays) >= wanted)
            await until(lambda wanted=count: node.calls["eth_subscribe"] > wanted)
    assert set(delays) == {0.01}
