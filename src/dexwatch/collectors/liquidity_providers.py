"""Who provides liquidity: by events from now on, by logs for the past, kept over restarts."""

from collections.abc import Sequence
from typing import ClassVar

import structlog

from dexwatch import clock
from dexwatch.chain.calls import ViewCall, views
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.logs.coverage import check_coverage
from dexwatch.chain.logs.reader import LogReader
from dexwatch.clients.http import SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.collectors.lp_checkpoint import Gap, LpCheckpoint, LpCheckpointFile
from dexwatch.evm import topics
from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.sequence import Reorg
from dexwatch.market.block_events import decode_logs
from dexwatch.market.liquidity_providers import LiquidityProviders
from dexwatch.market.positions import ZERO, NewOwner, changes, token_of
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

_EVERY_SECONDS = 5.0
_HISTORY_SECONDS = 6.0
_REQUESTS_A_PAGE = 10
_OWNERS_A_ROUND = 20
_CHECKPOINT_SECONDS = 60.0
_HISTORY_TOPICS = (
    topics.TRANSFER,
    topics.V3_MINT,
    topics.V3_BURN,
    topics.INCREASE_LIQUIDITY,
    topics.DECREASE_LIQUIDITY,
)

_log = structlog.get_logger("dexwatch.liquidity")


class LiquidityProvidersCollector(Collector):
    """Counts owners of positions; `_gaps` are the heights whose logs are still to be read.

    What is read of the past and what happens now may come in any order.
    """

    name: ClassVar[str] = "liquidity_providers"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        dex = context.dex
        self._managers, self._custodians = dex.managers, frozenset(dex.liquidity_custodians)
        self._begun_at = {
            pool.address: pool.first_block for pool in dex.pools if pool.first_block is not None
        }
        self._log_reader = LogReader()
        self._history_from: Endpoint | None = None
        self._file = LpCheckpointFile(
            context.folder,
            {
                "chain_id": context.chain.chain_id,
                "pools": {pool.address: pool.first_block for pool in dex.pools},
                "managers": sorted(self._managers),
                "custodians": sorted(self._custodians),
            },
        )
        self._saved = clock.monotonic()
        self._first_seen: int | None = None
        self._until: int | None = None
        """The newest block of which everything has been taken."""
        self._gaps: list[Gap] = []
        self._lps = self._empty()
        self._load(self._file.read())

    @property
    def every_seconds(self) -> float | None:
        """Every five seconds; None without pools."""
        return _EVERY_SECONDS if self.context.dex.pools else None

    def on_block(self, block: Block) -> None:
        """Take who got or lost liquidity in a block."""
        number = block.ref.number
        if self._first_seen is None:
            self._first_seen = number
        begun = min(self._begun_at.values(), default=number)
        first = begun if self._until is None else self._until + 1
        if first < number:
            # The past, what happened while nobody watched, or blocks that were given up.
            self._gaps.append((first, number - 1))
            # Of a reorganisation below it, we could not tell what the gap was read from.
            self._first_seen = number
            self._lps.reading.update(self._begun_at)
        # A block that was taken before the end of the process may be handed out again.
        if self._until is None or number > self._until:
            for transaction in self.context.market.decode(block).transactions:
                told = changes(transaction, managers=self._managers, custodians=self._custodians)
                self._lps.apply(told, block_hash=block.ref.hash)
            self._until = number
        self._show()

    def on_reorg(self, reorg: Reorg) -> None:
        """Take back what dropped blocks changed."""
        for ref in reorg.blocks:
            self._lps.retract(ref.hash)
        lowest = min(ref.number for ref in reorg.blocks)
        first = self._first_seen
        if reorg.cause == "reset" or first is None or lowest < first:
            # What was taken for past, or before this process, is no longer so: all is read anew.
            self._first_seen = self._until = None
            self._gaps, self._lps = [], self._empty()
        else:
            self._until = lowest - 1
        self._show()

    async def collect(self) -> None:
        """Go on reading the past, ask for owners that nobody told, and keep what is known.

        Raises:
            SourceError: the past could not be read any further in this round.
        """
        tip = self.context.consumer.tip
        if tip is not None:
            await self._read_owners(tip)
        if clock.monotonic() - self._saved >= _CHECKPOINT_SECONDS:
            await self._save()
        try:
            await self._read_history()
        finally:
            self.series.dropped += self._lps.refused
            self._lps.refused = 0

    async def close(self) -> None:
        """Keep what is known."""
        await self._save()

    def _load(self, kept: LpCheckpoint | None) -> None:
        if kept is None:
            return
        try:
            self._lps.load(kept.positions)
        except (ValueError, TypeError, KeyError, AttributeError):
            _log.warning("the liquidity checkpoint is not usable; the past is read again")
            self._lps = self._empty()
        else:
            self._until, self._gaps = kept.number, list(kept.gaps)

    def _empty(self) -> LiquidityProviders:
        return LiquidityProviders(
            self.context.dex.max_liquidity_positions,
            self.context.chain.safe_depth_blocks,
            reading=set(self._begun_at),
        )

    async def _save(self) -> None:
        self._saved = clock.monotonic()
        if self._until is not None and self._first_seen is not None:
            checkpoint = LpCheckpoint(self._until, tuple(self._gaps), self._lps.dump())
            await self._file.write(checkpoint)

    def _show(self) -> None:
        for pool in self.context.dex.pools:
            count = self._lps.count(pool.address)
            self.series.set(exchange.liquidity_providers, count, pool=pool.name)
        if self._begun_at and self._first_seen is not None:
            left = sum(max(last + 1 - first, 0) for first, last in self._gaps)
            self.series.set(exchange.liquidity_history_left, left)

    async def _read_owners(self, at: BlockRef) -> None:
        positions = self._lps.without_owner(_OWNERS_A_ROUND)
        tokens = [token for position in positions if (token := token_of(position)) is not None]
        calls = [
            ViewCall(manager, "ownerOf(uint256)(address)", (token_id,))
            for manager, token_id in tokens
        ]
        answers = await views(self.context.stream.primary, calls, block=at) if calls else []
        for position, answer in zip(positions, answers, strict=True):
            # An NFT that is gone has no owner; its position goes on counting as one.
            if not isinstance(answer, SourceError):
                owner = str(answer[0]).lower()
                if owner not in (ZERO, *self._custodians):
                    self._lps.apply([NewOwner(position, owner)])

    async def _read_history(self) -> None:
        """Read a bounded part of what happened in blocks that we did not take ourselves.

        What one endpoint does not have or give is asked of the next: in the next round, where it
        took all the time.
        """
        end = clock.monotonic() + _HISTORY_SECONDS
        endpoints = self._endpoints()
        failure: SourceError | None = None
        for place, endpoint in enumerate(endpoints):
            if failure is not None and clock.monotonic() > end:
                break
            # If this round is cut off here, the next one begins with another endpoint.
            self._history_from = endpoints[(place + 1) % len(endpoints)]
            try:
                await self._read_gaps(endpoint, end)
            except SourceError as error:
                failure = failure or error
            else:
                self._history_from = endpoint
                return
        if failure is not None:
            raise failure

    def _endpoints(self) -> Sequence[Endpoint]:
        """Return those that are on our chain, from the one on that gave the past last."""
        stream = self.context.stream
        trusted = [feed.endpoint for feed in stream.feeds if stream.election.trusted(feed)]
        found = list(dict.fromkeys([stream.primary, *trusted]))
        begin = found.index(self._history_from) if self._history_from in found else 0
        return found[begin:] + found[:begin]

    async def _read_gaps(self, endpoint: Endpoint, end: float) -> None:
        covered: Gap | None = None
        while self._lps.reading and self._first_seen is not None:
            if not self._gaps:
                for address in self._begun_at:
                    self._lps.finish(address)
                _log.info("past of the liquidity providers read", pools=len(self._begun_at))
                self._show()
                return
            first, last = self._gaps[0]
            if first > last:
                del self._gaps[0]
                continue
            if clock.monotonic() > end:
                return
            lps, gaps = self._lps, self._gaps
            if covered is None or not covered[0] <= first <= last == covered[1]:
                await check_coverage(endpoint, first, last)
                covered = (first, last)
            read = await self._read_page(endpoint, first, last)
            if lps is self._lps:
                gaps[0] = (read + 1, last)
                self._show()

    async def _read_page(self, endpoint: Endpoint, first: int, last: int) -> int:
        """Read some spans and return the last block of them."""
        begun = {address for address, block in self._begun_at.items() if block <= last}
        lps, emitters = self._lps, begun | self._managers
        page = await self._log_reader.read(
            endpoint,
            address=sorted(emitters),
            topics=[list(_HISTORY_TOPICS)],
            first=first,
            last=last,
            max_requests=_REQUESTS_A_PAGE,
        )
        found, malformed = decode_logs(page.logs, emitters)
        for address in malformed:
            self.series.add(exchange.events_malformed, address=address)
        told = changes(found, managers=self._managers, custodians=self._custodians)
        lps.apply(told, past=True)
        return page.last
