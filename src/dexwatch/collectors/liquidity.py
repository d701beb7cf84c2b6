"""What lies in the pools: reserves and balances, liquidity added and taken."""

import asyncio
from contextlib import suppress
from typing import Any, ClassVar

from dexwatch.chain.calls import ViewCall, views
from dexwatch.clients.http import SourceError
from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.events import V2Burn, V2Mint, V3Burn, V3Mint
from dexwatch.evm.sequence import Reorg
from dexwatch.market.history import PoolState
from dexwatch.market.state import WatchedPool
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

_EVERY_SECONDS = 5.0
_FIRST_BLOCK_SECONDS = 3.0
"""How long a round waits for the first block: before it there is no state to ask for."""
_NEEDED = 3
"""Answers without which a pool's state is not known; its liquidity in range only bounds prices."""
_KINDS: dict[type, str] = {V2Mint: "mint", V3Mint: "mint", V2Burn: "burn", V3Burn: "burn"}


class LiquidityCollector(Collector):
    """Counts by events; asks the pools themselves now and then, so that nothing drifts."""

    name: ClassVar[str] = "liquidity"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._market, self._pools = context.market, tuple(context.market.pools.values())
        self._counters = BlockCounters(series, context.chain.safe_depth_blocks)
        self._evaluated = asyncio.Event()
        for pool in self._pools:
            for kind in ("mint", "burn"):
                series.add(exchange.liquidity_events, 0, pool=pool.name, kind=kind)

    @property
    def every_seconds(self) -> float | None:
        """Every five seconds; None without pools."""
        return _EVERY_SECONDS if self._pools else None

    def on_block(self, block: Block) -> None:
        """Take the liquidity events of a block."""
        self._counters.begin(block.ref.hash)
        for transaction in self._market.decode(block).transactions:
            for address, event in transaction:
                pool, kind = self._market.pools.get(address), _KINDS.get(type(event))
                if pool is not None and kind is not None:
                    self._counters.add(exchange.liquidity_events, pool=pool.name, kind=kind)
        self._evaluated.set()

    def on_reorg(self, reorg: Reorg) -> None:
        """What dropped blocks counted is counted once when it comes again."""
        for ref in reorg.blocks:
            self._counters.retract(ref.hash)

    async def collect(self) -> None:
        """Ask for reserves and balances.

        Raises:
            SourceError: of a pool that did not answer; the others are up to date.
        """
        at = self.context.consumer.tip
        if at is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_BLOCK_SECONDS):
                    await self._evaluated.wait()
            at = self.context.consumer.tip
        failure = None if at is None else await self._read_pools(at)
        if failure is not None:
            raise failure

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
