"""The block stream: heads of all endpoints, the chain followed through the primary one.

No endpoint is trusted alone. Another becomes primary only when it showed that it is on the chain
that we evaluated, or when a majority has a say; of three or more a head is followed when most of
those that have a say show it, and of one that is left alone when it is on our chain; and a
reorganisation that another healthy endpoint contradicts is refused and told.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from dexwatch import clock
from dexwatch.backoff import Backoff
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.fetch import BlockFetcher, UnprovedBlockError
from dexwatch.chain.follower import BlockFollower, ReorgRefusedError, UnconfirmedError
from dexwatch.chain.heads import HeadFeed
from dexwatch.chain.verification import HEIGHTS_COMPARED, Majority, Verification, hashes_at
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import BlockRef, Header
from dexwatch.evm.sequence import ChainEvent, Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_ARRIVALS_KEPT = 512
_FAILURES_BEFORE_CHANGE = 2
_PATIENCE_SECONDS = 20.0
"""A block that cannot be read is asked for so long before it is passed over."""
_FORGOTTEN_SECONDS = 10.0
"""Where the node did not say for so long that it cannot give the block, the wait begins anew."""
_SHALLOW_BLOCKS = 2
"""Reorganisations up to this depth are usual, and are followed without asking anybody."""
_SUSPECT_SECONDS = 5.0
_MOST_ELECTION_STALLS = 3
_LOG_EVERY_SECONDS = 10.0
_RETRY = Backoff(first=0.05, most=1.0)

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
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._series = series
        self._patience = patience_seconds
        self._interval = config.block_interval_ms / 1000
        self._stall = config.stall_seconds
        self._behind = max(3, round(config.stall_seconds / self._interval))
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
        self._majority = Majority(self.feeds, self._verification, evaluated=self._evaluated)
        self._follower = BlockFollower(
            series,
            depth=config.safe_depth_blocks,
            max_catch_up=config.max_catch_up_blocks,
            append=append,
            approve=self._approve,
            confirm=self._majority.is_on_chain,
            resume=resume,
        )
        self._arrivals: OrderedDict[str, float] = OrderedDict()
        self._primary = self.feeds[0]
        self._suspects: dict[str, float] = {}
        self._failures = 0
        self._stuck: _Stuck | None = None
        self._late_since: float | None = None
        self._logged = float("-inf")
        for endpoint in endpoints:
            series.add(chain.reorgs_refused, 0, endpoint=endpoint.name)
            for part in ("header", "transactions", "receipts"):
                series.add(chain.blocks_refused, 0, endpoint=endpoint.name, part=part)

    @property
    def tip(self) -> BlockRef | None:
        """The newest block that was appended."""
        return self._follower.tip

    @property
    def primary(self) -> Endpoint:
        """The endpoint through which the chain is followed at present."""
        return self._primary.endpoint

    @property
    def best_head(self) -> int | None:
        """The highest head of an endpoint of our chain; what others claim is left out."""
        if self._majority.is_quorum:
            heads = [self._majority.confirmed(feed) for feed in self.feeds]
        else:
            heads = [feed.head for feed in self.feeds if self.trusted(feed)]
        return max((head.ref.number for head in heads if head), default=None)

    def trusted(self, feed: HeadFeed) -> bool:
        """Is it the primary endpoint, or verified?"""
        if feed.name in self._suspects:
            return False
        return feed is self._primary or self._verification.verified(feed)

    def belongs(self, feed: HeadFeed) -> bool:
        """Is it, or was it when it last showed anything, on our chain? It may stand still."""
        return feed is self._primary or self._verification.belongs(feed)

    def arrival(self, block_hash: str) -> float | None:
        """Return the monotonic time at which a head first reached us, if it did as a head."""
        return self._arrivals.get(block_hash)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self.feeds:
                group.create_task(feed.run())
            group.create_task(self._verification.run(lambda: self._primary))
            group.create_task(self._follow())

    def _evaluated(self) -> Sequence[BlockRef]:
        return self._follower.recent(HEIGHTS_COMPARED)

    def _on_head(self, feed: HeadFeed, head: Header) -> None:
        if head.ref.hash not in self._arrivals:
            self._arrivals[head.ref.hash] = clock.monotonic()
            while len(self._arrivals) > _ARRIVALS_KEPT:
                self._arrivals.popitem(last=False)
        record = self._verification.divergence.record
        # Its parent is shown too, so that an endpoint that is only polled leaves fewer gaps.
        record(feed.name, BlockRef(head.ref.number - 1, head.ref.parent, ""), self._primary.name)
        record(feed.name, head.ref, self._primary.name)
        self._verification.show(feed, (head.ref.hash, head.ref.parent))
        self._wake.set()

    async def _follow(self) -> None:
        if self.tip is None and len(self.feeds) > 1:
            await self._elect()
        while True:
            # The time-out covers what no head announces: a primary that has to be changed.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            self._wake.clear()
            self._choose()
            head = self._majority.confirmed(self._primary)
            if head is None or self._primary.name in self._suspects:
                continue
            try:
                await self._follower.follow(self._readers[self._primary.name], head)
            except SourceError as error:
                await self._recover(error, head.ref)
            else:
                self._failures = 0
                self._stuck = None

    async def _recover(self, error: SourceError, head: BlockRef) -> None:
        self._failures += 1
        _log.debug("block not read", endpoint=self._primary.name, error=str(error))
        if isinstance(error, ReorgRefusedError | UnconfirmedError):
            self._suspect(self._primary, str(error))
            self._series.add(chain.reorgs_refused, endpoint=self._primary.name)
        elif isinstance(error, UnprovedBlockError):
            self._series.add(chain.blocks_refused, endpoint=self._primary.name, part=error.part)
            if len(self.feeds) > 1:
                self._suspect(self._primary, str(error))
        if error.outcome is Outcome.MALFORMED:
            await self._be_patient(head)
        self._wake.set()
        await asyncio.sleep(_RETRY.delay(self._failures, key=self._primary.name))

    async def _be_patient(self, head: BlockRef) -> None:
        """Pass over the next block when it could not be read for long, be it late or undecodable.

        What is late looks like nonsense as well: a null, no receipts, some of them, another's.
        """
        now, stuck = clock.monotonic(), self._stuck
        if stuck is None or stuck.tip != self.tip or now - stuck.told > _FORGOTTEN_SECONDS:
            # In an outage the block was not asked for, and may well be there after it.
            stuck = _Stuck(self.tip, since=now, told=now)
        elif now - stuck.since > self._patience:
            await self._follower.skip(self._readers[self._primary.name], head)
            self._failures = 1
            # Its neighbours are likely to be gone too: they get one try each.
            stuck = replace(stuck, tip=self.tip)
        self._stuck = replace(stuck, told=now)

    async def _elect(self) -> None:
        """Find the first primary: of the chains that are shown, the one that most show.

        One that is alone with its chain is not believed; of two the one that is named first is.
        """
        await self._heads_of(len(self.feeds), self._stall)
        if self._majority.can_vote:
            await self._heads_of(len(self.feeds) // 2 + 1, self._stall * _MOST_ELECTION_STALLS)
        shown = [feed for feed in self.feeds if feed.head]
        if not shown:
            return
        heights = sorted(feed.head.ref.number for feed in shown if feed.head)
        votes = await hashes_at(heights[(len(heights) - 1) // 2], shown)
        counted = Counter(votes.values()).most_common(1)
        if not counted:
            return
        for feed, block_hash in votes.items():
            if block_hash == counted[0][0]:
                self._primary = feed
                return

    async def _heads_of(self, count: int, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while sum(feed.head is not None for feed in self.feeds) < count:
                    self._wake.clear()
                    await self._wake.wait()

    async def _approve(self, reorg: Reorg) -> bool:
        """Is there no other healthy endpoint that still has the blocks that would be dropped?"""
        if self._majority.is_quorum or (reorg.depth <= _SHALLOW_BLOCKS and reorg.cause == "reorg"):
            # With three or more the head that leads there is shown by most of them.
            return True
        others = [
            feed
            for feed in self.feeds
            if feed is not self._primary
            and feed.up
            and feed.age() < self._stall
            and self._verification.verified(feed)
        ]
        if not others:
            return True
        ref = reorg.blocks[0]
        return ref.hash not in (await hashes_at(ref.number, others)).values()

    def _suspect(self, feed: HeadFeed, reason: str) -> None:
        self._suspects[feed.name] = clock.monotonic() + _SUSPECT_SECONDS
        _log.error("endpoint is suspect", endpoint=feed.name, reason=reason)

    def _choose(self) -> None:
        now = clock.monotonic()
        self._suspects = {name: until for name, until in self._suspects.items() if until > now}
        if self._is_fit(self._primary, now):
            return
        anchored = bool(self._evaluated())
        others = {
            feed: head.ref.number
            for feed in self.feeds
            if feed is not self._primary
            and feed.up
            and not feed.endpoint.resting
            and feed.name not in self._suspects
            and (head := self._majority.confirmed(feed)) is not None
            and (self._majority.is_quorum or not anchored or self._verification.verified(feed))
        }
        if not others:
            return
        self._primary = max(others, key=lambda feed: others[feed])
        self._failures = 0
        self._late_since = None
        # When every endpoint is in trouble the primary changes many times a second.
        if now - self._logged > _LOG_EVERY_SECONDS:
            self._logged = now
            _log.warning("another endpoint is primary", endpoint=self._primary.name)

    def _is_fit(self, primary: HeadFeed, now: float) -> bool:
        best, head = self.best_head, self._majority.confirmed(primary)
        late = best is not None and (head is None or head.ref.number < best)
        if not late:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        return (
            primary.up
            and primary.name not in self._suspects
            and primary.head is not None
            and not primary.endpoint.resting
            and self._failures < _FAILURES_BEFORE_CHANGE
            and not (late and self._is_too_late(primary, head, best or 0, now))
        )

    def _is_too_late(self, primary: HeadFeed, head: Header | None, best: int, now: float) -> bool:
        if self._majority.is_quorum:
            # Most show a newer head and it does not, be it slow or lying.
            return now - (self._late_since or now) > self._stall / 3
        # Of two, the one that is ahead may be the liar: while the primary goes on it is believed.
        return primary.age() >= self._stall and (
            head is None or best - head.ref.number >= self._behind
        )
