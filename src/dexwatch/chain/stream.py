"""The block stream: heads of all endpoints, the chain followed through the primary one."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from dexwatch import clock
from dexwatch.chain.answers import RpcError
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.failover.election import Election
from dexwatch.chain.failover.majority import Majority
from dexwatch.chain.failover.verification import HEIGHTS_COMPARED, Verification
from dexwatch.chain.fetch import BlockFetcher, UnprovedBlockError
from dexwatch.chain.follower import BlockFollower, ReorgRefusedError, UnconfirmedError
from dexwatch.chain.heads import HeadFeed
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import BlockRef, Header
from dexwatch.evm.sequence import ChainEvent
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_ARRIVALS_KEPT = 512
_PATIENCE_SECONDS = 20.0
"""A block that cannot be read is asked for so long before it is passed over."""
_FORGOTTEN_SECONDS = 10.0
"""Where the node did not say for so long that it cannot give the block, the wait begins anew."""

_log = structlog.get_logger("dexwatch.stream")


@dataclass(frozen=True, slots=True)
class _Stuck:
    """The tip beyond which nothing could be read, since when, and when that was last told."""

    tip: BlockRef | None
    since: float
    told: float


class BlockStream:
    """Appends every canonical block once and in order, and what a reorganisation drops."""

    def __init__(
        self,
        config: ChainConfig,
        endpoints: Sequence[Endpoint],
        series: Series,
        *,
        append: Callable[[Sequence[ChainEvent]], Awaitable[None]],
        resume: Sequence[BlockRef] = (),
        resume_ms: int = 0,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._series = series
        self._patience = patience_seconds
        self._interval = config.block_interval_ms / 1000
        self.feeds = tuple(
            HeadFeed(
                endpoint,
                series,
                chain_id=config.chain_id,
                interval_seconds=self._interval,
                stall_seconds=config.stall_seconds,
                on_head=self._on_head,
            )
            for endpoint in endpoints
        )
        self._readers = {
            endpoint.name: BlockFetcher(endpoint, proving=config.prove_blocks)
            for endpoint in endpoints
        }
        self._wake = asyncio.Event()
        self._verification = Verification(
            self.feeds, series, evaluated=self._evaluated, on_change=self._wake.set
        )
        majority = Majority(self.feeds, self._verification)
        self.election = Election(self.feeds, self._verification, majority=majority, config=config)
        self._follower = BlockFollower(
            series,
            depth=config.safe_depth_blocks,
            max_catch_up=config.max_catch_up_blocks,
            append=append,
            approve=self.election.approve,
            confirm=majority.is_on_chain,
            resume=resume,
            resume_ms=resume_ms,
        )
        self._arrivals: OrderedDict[str, float] = OrderedDict()
        self._stuck: _Stuck | None = None
        _begin_counters(series, endpoints)

    @property
    def tip(self) -> BlockRef | None:
        """The newest block that was appended."""
        return self._follower.tip

    @property
    def primary(self) -> Endpoint:
        """The endpoint through which the chain is followed at present."""
        return self.election.primary.endpoint

    def arrival(self, block_hash: str) -> float | None:
        """Return the monotonic time at which a head first reached us, if it did as a head."""
        return self._arrivals.get(block_hash)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self.feeds:
                group.create_task(feed.run())
            group.create_task(self._verification.run(lambda: self.election.primary))
            group.create_task(self._follow())

    def _evaluated(self) -> Sequence[BlockRef]:
        return self._follower.recent(HEIGHTS_COMPARED)

    def _on_head(self, feed: HeadFeed, head: Header) -> None:
        if head.ref.hash not in self._arrivals:
            self._arrivals[head.ref.hash] = clock.monotonic()
            while len(self._arrivals) > _ARRIVALS_KEPT:
                self._arrivals.popitem(last=False)
        self._verification.show_head(feed, head, primary=self.election.primary)
        self._wake.set()

    async def _follow(self) -> None:
        if self.tip is None and len(self.feeds) > 1:
            await self.election.hold(self._wake)
        while True:
            # The time-out covers what no head announces: a primary that has to be changed.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            self._wake.clear()
            head = self.election.choose()
            if head is None:
                continue
            try:
                await self._follower.follow(self._readers[self.primary.name], head)
            except SourceError as error:
                await self._recover(error, head.ref)
            else:
                self.election.failures.succeeded()
                self._stuck = None

    async def _recover(self, error: SourceError, head: BlockRef) -> None:
        name = self.primary.name
        _log.debug("block not read", endpoint=name, error=str(error))
        if isinstance(error, ReorgRefusedError | UnconfirmedError):
            self.election.suspect(str(error))
            self._series.add(chain.reorgs_refused, endpoint=name)
        elif isinstance(error, UnprovedBlockError):
            self._series.add(chain.blocks_refused, endpoint=name, part=error.part)
            if len(self.feeds) > 1:
                self.election.suspect(str(error))
        reader = self._readers[self.primary.name]
        if error.outcome is Outcome.MALFORMED or (
            _may_be_the_block(error) and await self._follower.gives_newer(reader, head)
        ):
            await self._be_patient(head)
        self._wake.set()
        await asyncio.sleep(self.election.failures.failed())

    async def _be_patient(self, head: BlockRef) -> None:
        """Pass over the next block when it could not be read for long: late, pruned, undecodable.

        What is late looks like nonsense as well: a null, no receipts, some of them, another's.
        """
        now, stuck = clock.monotonic(), self._stuck
        if stuck is None or stuck.tip != self.tip or now - stuck.told > _FORGOTTEN_SECONDS:
            # In an outage the block was not asked for, and may well be there after it.
            stuck = _Stuck(self.tip, since=now, told=now)
        elif now - stuck.since > self._patience:
            await self._follower.skip(self._readers[self.primary.name], head)
            if self.tip != stuck.tip:
                self.election.failures.succeeded()
            # Its neighbours are likely to be gone too: they get one try each.
            stuck = replace(stuck, tip=self.tip)
        self._stuck = replace(stuck, told=now)


def _begin_counters(series: Series, endpoints: Sequence[Endpoint]) -> None:
    for endpoint in endpoints:
        series.add(chain.reorgs_refused, 0, endpoint=endpoint.name)
        for part in ("header", "transactions", "receipts"):
            series.add(chain.blocks_refused, 0, endpoint=endpoint.name, part=part)


def _may_be_the_block(error: SourceError) -> bool:
    """May it tell of one block: refused as pruned, never given in time? Too many calls do not."""
    if isinstance(error, RpcError):
        return error.refusal is Refusal.OTHER
    return error.outcome is Outcome.TIMEOUT or (
        error.outcome is Outcome.HTTP_ERROR and error.code != 429
    )
