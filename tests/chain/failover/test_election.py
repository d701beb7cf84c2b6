"""The primary endpoint is followed while it is fit, and left alone while it rests."""

from contextlib import suppress

from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.failover.election import Election
from dexwatch.chain.failover.majority import Majority
from dexwatch.chain.failover.verification import Verification
from dexwatch.chain.heads import HeadFeed
from dexwatch.clients.http import SourceError
from dexwatch.evm.block import parse_header
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_blocks_are_asked_for_as_soon_as_the_only_endpoint_rests_no_more() -> None:
    ticks, series = Clock(), Series()
    async with running(FakeNode(FakeChain())) as node:
        config = ChainConfig(endpoints=[{"name": "a", "http": node.http}])
        endpoint = Endpoint(config.endpoints[0], series, monotonic=ticks)
        feed = HeadFeed(
            endpoint,
            series,
            chain_id=config.chain_id,
            interval_seconds=1.0,
            stall_seconds=config.stall_seconds,
            on_head=lambda *_: None,
        )
        feed.up, feed.head = True, parse_header(node.chain.head)
        verification = Verification([feed], series, evaluated=lambda: (), on_change=lambda: None)
        majority = Majority([feed], verification)
        election = Election([feed], verification, majority=majority, config=config)
        assert election.choose() == feed.head

        node.status, node.raw, node.headers = 503, b"", "retry-after: 30\r\n"
        with suppress(SourceError):
            await endpoint.call("eth_blockNumber")
        # Tries that cannot succeed would only lengthen the wait for the next one.
        assert election.choose() is None

        ticks.now += 31
        assert election.choose() == feed.head
        await endpoint.close()
