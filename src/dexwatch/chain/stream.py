"""The block stream: heads of all endpoints, the chain followed through the best of them.

One endpoint leads; another takes over when the primary fails, rests or falls behind.
The others are compared with it: lag, and hashes of the same height that differ.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence, Set
from statistics import median

import structlog

from dexwatch import clock
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.fetch import BlockFetcher
from dexwatch.chain.follower import BlockFollower, Reorg
from dexwatch.chain.heads import HeadFeed
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Block, BlockRef, Header
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_HEIGHTS_COMPARED = 64
_ARRIVALS_KEPT = 512
_FAILURES_BEFORE_CHANGE = 2
_READS_BEFORE_SKIPPING = 5
_FAR_BLOCKS = 1_000
"""So far above the others a head needs proof that it is of the chain that we follow."""
_VERIFIED_SECONDS = 5.0
_LOG_EVERY_SECONDS = 10.0
_RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)

_log = structlog.get_logger("dexwatch.stream")


class BlockStream:
    """Hands on every canonical block once and in order, and what a reorganisation retracts."""

    def __init__(
        self,
        config: ChainConfig,
        endpoints: Sequence[Endpoint],
        series: Series,
        *,
        watched: Set[str],
        on_block: Callable[[Block], None],
        on_reorg: Callable[[Reorg], None],
        resume: Sequence[BlockRef] = (),
    ) -> None:
        self._series = series
        self._interval = config.block_interval_ms / 1000
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
        self._readers = {endpoint.name: BlockFetcher(endpoint, watched) for endpoint in endpoints}
        self._follower = BlockFollower(
            series,
            depth=config.safe_depth_blocks,
            max_catch_up=config.max_catch_up_blocks,
            on_block=on_block,
            on_reorg=on_reorg,
            resume=resume,
        )
        self._hashes = HeadDivergence(series, [endpoint.name for endpoint in endpoints])
        self._arrivals: OrderedDict[str, float] = OrderedDict()
        self._wake = asyncio.Event()
        self._primary = self.feeds[0]
        self._failures = 0
        self._undecodable = 0
        self._lead_logged = float("-inf")
        self._verifications: dict[str, tuple[float, bool]] = {}

    @property
    def tip(self) -> BlockRef | None:
        """The newest evaluated block."""
        return self._follower.tip

    def recent(self, count: int) -> tuple[BlockRef, ...]:
        """Return the newest evaluated blocks, oldest first: what a restart goes on from."""
        return self._follower.recent(count)

    @property
    def primary(self) -> Endpoint:
        """The endpoint through which the chain is followed at present."""
        return self._primary.endpoint

    def arrival(self, block_hash: str) -> float | None:
        """Return the monotonic time at which a head first reached us, if it did as a head."""
        return self._arrivals.get(block_hash)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self.feeds:
                group.create_task(feed.run())
            group.create_task(self._follow())

    def _on_head(self, feed: HeadFeed, head: Header) -> None:
        if head.ref.hash not in self._arrivals:
            self._arrivals[head.ref.hash] = clock.monotonic()
            while len(self._arrivals) > _ARRIVALS_KEPT:
                self._arrivals.popitem(last=False)
        self._hashes.record(feed.name, head.ref, self._primary.name)
        self._wake.set()

    async def _follow(self) -> None:
        while True:
            # The time-out covers what no head announces: a primary that has to be changed.
            try:
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            suspects = await self._suspects()
            self._choose(suspects)
            head = self._primary.head
            if head is None or self._primary in suspects:
                continue
            try:
                await self._follower.follow(self._readers[self._primary.name], head)
            except SourceError as error:
                await self._recover(error, head.ref)
            else:
                self._failures = self._undecodable = 0

    async def _recover(self, error: SourceError, head: BlockRef) -> None:
        self._failures += 1
        _log.debug("block not read", endpoint=self._primary.name, error=str(error))
        if error.outcome is Outcome.MALFORMED:
            self._undecodable += 1
            if self._undecodable >= _READS_BEFORE_SKIPPING:
                await self._follower.skip(self._readers[self._primary.name], head)
                self._failures = 1
                # Its neighbours are likely to be gone too: they get one try each.
                self._undecodable = _READS_BEFORE_SKIPPING - 1
        step = min(self._failures, len(_RETRY_SECONDS)) - 1
        self._wake.set()
        await asyncio.sleep(_RETRY_SECONDS[step])

    async def _suspects(self) -> set[HeadFeed]:
        """Return whose heads are far above all others and not verified to be of our chain."""
        heights = {feed: feed.head.ref.number for feed in self.feeds if feed.head and feed.up}
        suspects = set()
        for feed, height in heights.items():
            others = [number for other, number in heights.items() if other is not feed]
            if others and height - median(others) > _FAR_BLOCKS:
                # Of two at the very beginning either may be right: the primary one is believed.
                first = self.tip is None and len(others) == 1 and feed is self._primary
                if not first and not await self._verified(feed):
                    suspects.add(feed)
        return suspects

    async def _verified(self, feed: HeadFeed) -> bool:
        """Does the endpoint have a block that we evaluated?"""
        asked, verified = self._verifications.get(feed.name, (float("-inf"), False))
        if clock.monotonic() - asked < _VERIFIED_SECONDS:
            return verified
        known = self._follower.recent(_HEIGHTS_COMPARED)
        try:
            # The newest may have been dropped by a reorganisation since; the oldest hardly.
            answers = (
                [
                    await feed.endpoint.call("eth_getBlockByHash", ref.hash, False)
                    for ref in {known[0], known[-1]}
                ]
                if known
                else []
            )
        except SourceError:
            answers = []
        verified = any(answer is not None for answer in answers)
        self._verifications[feed.name] = (clock.monotonic(), verified)
        if not verified:
            _log.error("a head far above all others is not believed", endpoint=feed.name)
        return verified

    def _choose(self, suspects: Set[HeadFeed]) -> None:
        heads = [feed.head for feed in self.feeds if feed.head and feed not in suspects]
        if not heads:
            return
        best = max(head.ref.number for head in heads)
        primary = self._primary
        fit = (
            primary.up
            and primary not in suspects
            and primary.head is not None
            and not primary.endpoint.resting
            and best - primary.head.ref.number < self._behind
            and self._failures < _FAILURES_BEFORE_CHANGE
        )
        if fit:
            return
        others = [
            feed
            for feed in self.feeds
            if feed is not primary
            and feed not in suspects
            and feed.up
            and feed.head
            and not feed.endpoint.resting
        ]
        if not others:
            return
        self._primary = max(others, key=lambda feed: feed.head.ref.number if feed.head else 0)
        self._failures = 0
        # When every endpoint is in trouble the lead changes many times a second.
        if clock.monotonic() - self._lead_logged > _LOG_EVERY_SECONDS:
            self._lead_logged = clock.monotonic()
            _log.warning("another endpoint leads", endpoint=self._primary.name)


class HeadDivergence:
    """Which endpoint shows another hash than the majority for the same height; bounded."""

    def __init__(self, series: Series, endpoints: Sequence[str]) -> None:
        self._series = series
        self._heights: OrderedDict[int, dict[str, str]] = OrderedDict()
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()
        for name in endpoints:
            series.add(chain.endpoint_divergences, 0, endpoint=name)

    def record(self, endpoint: str, ref: BlockRef, primary: str) -> None:
        """Note what an endpoint shows; in a tie the primary is believed."""
        shown = self._heights.setdefault(ref.number, {})
        shown[endpoint] = ref.hash
        while len(self._heights) > _HEIGHTS_COMPARED:
            self._heights.popitem(last=False)
        votes = Counter(shown.values())
        if len(votes) < 2:
            return
        most = max(votes.values())
        believed = shown.get(primary)
        if believed is None or votes[believed] < most:
            believed = next(block_hash for block_hash, count in votes.items() if count == most)
        for name, block_hash in shown.items():
            if block_hash != believed and (ref.number, name) not in self._counted:
                self._counted[ref.number, name] = None
                self._series.add(chain.endpoint_divergences, endpoint=name)
        while len(self._counted) > _HEIGHTS_COMPARED * 8:
            self._counted.popitem(last=False)
