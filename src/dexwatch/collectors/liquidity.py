"""What lies in the pools, and who put it there: reserves, LPs, liquidity added and taken."""

import asyncio
from contextlib import suppress
from typing import Any, ClassVar

import structlog

from dexwatch import clock
from dexwatch.chain.calls import ViewCall, views
from dexwatch.chain.logs import LogReader
from dexwatch.clients.http import SourceError
from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm import topics
from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.events import V2Burn, V2Mint, V3Burn, V3Mint
from dexwatch.evm.sequence import Reorg
from dexwatch.market.block_events import decode_logs
from dexwatch.market.history import PoolState
from dexwatch.market.liquidity_providers import LiquidityProviders
from dexwatch.market.positions import ZERO, NewOwner, changes, token_of
from dexwatch.market.state import WatchedPool
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

_EVERY_SECONDS = 5.0
_FIRST_BLOCK_SECONDS = 3.0
"""How long a round waits for the first block: before it there is no state to ask for."""
_HISTORY_SECONDS = 6.0
_REQUESTS_A_PAGE = 10
_OWNERS_A_ROUND = 20
_NEEDED = 3
"""Answers without which a pool's state is not known; its liquidity in range only bounds prices."""
_HISTORY_TOPICS = (
    topics.TRANSFER,
    topics.V3_MINT,
    topics.V3_BURN,
    topics.INCREASE_LIQUIDITY,
    topics.DECREASE_LIQUIDITY,
)

_log = structlog.get_logger("dexwatch.liquidity")


class LiquidityCollector(Collector):
    """Counts by events; asks the pools themselves now and then, so that nothing drifts."""

    name: ClassVar[str] = "liquidity"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._market, self._pools = context.market, tuple(context.market.pools.values())
        self._managers = context.dex.managers
        self._custodians = frozenset(context.dex.liquidity_custodians)
        self._counters = BlockCounters(series, context.chain.safe_depth_blocks)
        self._log_reader = LogReader()
        self._first_seen: int | None = None
        self._evaluated = asyncio.Event()
        self._begin()
        for pool in self._pools:
            for kind in ("mint", "burn"):
                series.add(exchange.liquidity_events, 0, pool=pool.name, kind=kind)

    @property
    def every_seconds(self) -> float | None:
        """Every five seconds; None without pools."""
        return _EVERY_SECONDS if self._pools else None

    def on_block(self, block: Block) -> None:
        """Take the liquidity events of a block."""
        if self._first_seen is None:
            self._first_seen = block.ref.number
        self._counters.begin(block.ref.hash)
        for transaction in self._market.decode(block).transactions:
            for address, event in transaction:
                kind = (
                    "mint"
                    if isinstance(event, V2Mint | V3Mint)
                    else "burn"
                    if isinstance(event, V2Burn | V3Burn)
                    else None
                )
                if kind is not None and (pool := self._market.pools.get(address)) is not None:
                    self._counters.add(exchange.liquidity_events, pool=pool.name, kind=kind)
            told = changes(transaction, managers=self._managers, custodians=self._custodians)
            self._lps.apply(told, block_hash=block.ref.hash)
        self._show()
        self._evaluated.set()

    def on_reorg(self, reorg: Reorg) -> None:
        """Take back who got or lost liquidity in dropped blocks."""
        for ref in reorg.blocks:
            self._counters.retract(ref.hash)
            self._lps.retract(ref.hash)
        lowest = min(ref.number for ref in reorg.blocks)
        if reorg.cause == "reset" or lowest < (self._first_seen or 0):
            # What was read as past is no longer past, so it is read again.
            self._first_seen = None
            self._begin()
        self._show()

    async def collect(self) -> None:
        """Ask for reserves and balances, and go on reading the past of the LPs."""
        at = self.context.consumer.tip
        if at is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_BLOCK_SECONDS):
                    await self._evaluated.wait()
            at = self.context.consumer.tip
        failure = None
        if at is not None:
            failure = await self._read_pools(at)
            await self._read_owners(at)
        await self._read_history()
        self.series.dropped += self._lps.refused
        self._lps.refused = 0
        if failure is not None:
            raise failure

    def _begin(self) -> None:
        """Know of no LPs yet, and read their past from the first configured block on."""
        known = {
            pool.config.address: pool.config.first_block
            for pool in self._pools
            if pool.config.first_block is not None
        }
        self._lps = LiquidityProviders(
            self.context.dex.max_liquidity_positions,
            self.context.chain.safe_depth_blocks,
            reading=set(known),
        )
        self._history_from = known
        self._next = min(known.values(), default=None)

    def _show(self) -> None:
        for pool in self._pools:
            count = self._lps.count(pool.config.address)
            self.series.set(exchange.liquidity_providers, count, pool=pool.name)
        if self._next is not None and self._first_seen is not None:
            left = max(self._first_seen - self._next, 0)
            self.series.set(exchange.liquidity_history_left, left)

    async def _read_pools(self, at: BlockRef) -> SourceError | None:
        """Read every pool on the state of one evaluated block: its events are in there already."""
        calls = [call for pool in self._pools for call in state_calls(pool)]
        answers = iter(await views(self.context.stream.primary, calls, block=at))
        failure: SourceError | None = None
        for pool in self._pools:
            found = [next(answers) for _ in state_calls(pool)]
            errors = [answer for answer in found[:_NEEDED] if isinstance(answer, SourceError)]
            if errors:
                failure = errors[0]
            else:
                self._market.refresh(pool, state_of(pool, found), at)
        return failure

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
        """Read a bounded part of what happened before the first block that we saw."""
        end = clock.monotonic() + _HISTORY_SECONDS
        while self._next is not None and self._first_seen is not None:
            last = self._first_seen - 1
            if self._next <= last:
                if clock.monotonic() > end:
                    return
                self._next = await self._read_page(self._next, last)
            if self._next > last:
                for address in self._history_from:
                    self._lps.finish(address)
                _log.info("past of the liquidity providers read", pools=len(self._history_from))
                self._show()
                self._next = None

    async def _read_page(self, first: int, last: int) -> int:
        """Read some spans and return the block to go on at."""
        begun = {address for address, block in self._history_from.items() if block <= last}
        page = await self._log_reader.read(
            self.context.stream.primary,
            address=sorted(begun | self._managers),
            topics=[list(_HISTORY_TOPICS)],
            first=first,
            last=last,
            max_requests=_REQUESTS_A_PAGE,
        )
        found, malformed = decode_logs(page.logs, begun | self._managers)
        for address in malformed:
            self.series.add(exchange.events_malformed, address=address)
        told = changes(found, managers=self._managers, custodians=self._custodians)
        self._lps.apply(told, past=True)
        self._show()
        return page.last + 1


def state_calls(pool: WatchedPool) -> tuple[ViewCall, ...]:
    """Return the views that tell a pool's state."""
    address = pool.config.address
    if pool.config.kind == "v2":
        return (ViewCall(address, "getReserves()(uint112,uint112,uint32)"),)
    # Only the first words of slot0 are read: the rest differs between the kinds of V3.
    return (
        ViewCall(address, "slot0()(uint160,int24)"),
        ViewCall(pool.token0.address, "balanceOf(address)(uint256)", (address,)),
        ViewCall(pool.token1.address, "balanceOf(address)(uint256)", (address,)),
        ViewCall(address, "liquidity()(uint128)"),
    )


def state_of(pool: WatchedPool, found: list[Any]) -> PoolState:
    """Return the state that these answers tell."""
    if pool.config.kind == "v2":
        return PoolState(found[0][0], found[0][1])
    (root, tick), (amount0,), (amount1,), liquidity = found
    known = None if isinstance(liquidity, SourceError) else liquidity[0]
    return PoolState(amount0, amount1, root, tick, known)
