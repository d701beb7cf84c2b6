"""What lies in the pools, and who put it there: reserves, providers, liquidity added and taken."""

from typing import Any, ClassVar

import structlog

from dexwatch.chain.calls import ViewCall, views
from dexwatch.chain.follower import Reorg
from dexwatch.chain.logs import LogReader
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm import events, topics
from dexwatch.evm.block import Block, Log
from dexwatch.evm.events import V2Burn, V2Mint, V3Burn, V3Mint
from dexwatch.evm.hexadecimal import MalformedError
from dexwatch.market.liquidity_providers import Providers, changes
from dexwatch.market.state import PoolState
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

_SPAN_BLOCKS = 1_000
"""Public nodes refuse to search more blocks for logs at once."""
_SPANS_A_ROUND = 20
_HISTORY_TOPICS = {
    "v2": (topics.TRANSFER,),
    "v3": (topics.V3_MINT, topics.V3_BURN),
    "uniswap_v3": (topics.V3_MINT, topics.V3_BURN),
}

_log = structlog.get_logger("dexwatch.liquidity")


class LiquidityCollector(Collector):
    """Counts by events; asks the pools themselves now and then, so that nothing drifts."""

    name: ClassVar[str] = "liquidity"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._log_reader = LogReader()
        self._pools = tuple(context.market.pools.values())
        self._providers = Providers(context.dex.max_providers, context.chain.safe_depth_blocks)
        self._first_seen: int | None = None
        self._history = {
            pool.config.address: pool.config.first_block
            for pool in self._pools
            if pool.config.first_block is not None
        }
        for pool in self._pools:
            for kind in ("mint", "burn"):
                series.add(exchange.liquidity_events, 0, pool=pool.name, kind=kind)

    @property
    def every_seconds(self) -> float | None:
        """Every five seconds; None without pools."""
        return 5.0 if self._pools else None

    def on_block(self, block: Block) -> None:
        """Take the liquidity events of a block."""
        if self._first_seen is None:
            self._first_seen = block.ref.number
        for receipt in block.receipts:
            for log in receipt.logs:
                pool = self.context.market.pools.get(log.address)
                if pool is not None:
                    self._on_log(pool, log, block.ref.hash)
        for pool in self._pools:
            count = self._providers.count(pool.config.address)
            self.series.set(exchange.liquidity_providers, count, pool=pool.name)

    def on_reorg(self, reorg: Reorg) -> None:
        """Take back who got or lost liquidity in dropped blocks; the event counters stay."""
        for ref in reorg.blocks:
            self._providers.retract(ref.hash)

    async def collect(self) -> None:
        """Ask for reserves and balances, and go on reading the history of providers."""
        calls = [call for pool in self._pools for call in _calls(pool)]
        tip_before = self.context.stream.tip
        answers = iter(await views(self.context.stream.primary, calls))
        current = self.context.stream.tip == tip_before
        failure: SourceError | None = None
        for pool in self._pools:
            found = [next(answers) for _ in _calls(pool)]
            failure = next((a for a in found if isinstance(a, SourceError)), failure)
            # While blocks were evaluated meanwhile the events know better than this answer.
            if current or pool.amount0 is None:
                self._take(pool, found)
        await self._read_history()
        self.series.dropped += self._providers.refused
        self._providers.refused = 0
        if failure is not None:
            raise failure

    def _on_log(self, pool: PoolState, log: Log, block_hash: str) -> None:
        try:
            event = events.decode(log)
        except MalformedError:
            return  # The exchange collector counts it.
        if isinstance(event, V2Mint | V3Mint):
            self.series.add(exchange.liquidity_events, pool=pool.name, kind="mint")
        elif isinstance(event, V2Burn | V3Burn):
            self.series.add(exchange.liquidity_events, pool=pool.name, kind="burn")
        self._providers.apply(changes(log.address, event), block_hash=block_hash)

    def _take(self, pool: PoolState, found: list[tuple[Any, ...] | SourceError]) -> None:
        good = [answer for answer in found if not isinstance(answer, SourceError)]
        if len(good) != len(found):
            return
        if pool.config.kind == "v2":
            self.context.market.refresh(pool, good[0][0], good[0][1])
        else:
            price, balance0, balance1 = good[0][0], good[1][0], good[2][0]
            self.context.market.refresh(pool, balance0, balance1, sqrt_price_x96=price)

    async def _read_history(self) -> None:
        """Read a bounded part of what happened before the first block that we saw."""
        rounds = _SPANS_A_ROUND
        for pool in self._pools:
            address = pool.config.address
            while rounds > 0 and address in self._history and self._first_seen is not None:
                first = self._history[address]
                last = min(first + _SPAN_BLOCKS, self._first_seen) - 1
                rounds -= 1
                if last >= first:
                    last = await self._read_span(pool, first, last)
                self._history[address] = last + 1
                if last + 1 >= self._first_seen:
                    del self._history[address]
                    _log.info("history of providers read", pool=pool.name)

    async def _read_span(self, pool: PoolState, first: int, last: int) -> int:
        page = await self._log_reader.read(
            self.context.stream.primary,
            address=pool.config.address,
            topics=[list(_HISTORY_TOPICS[pool.config.kind])],
            first=first,
            last=last,
        )
        try:
            for log in page.logs:
                self._providers.apply(changes(pool.config.address, events.decode(log)))
        except MalformedError as error:
            raise SourceError(Outcome.MALFORMED, str(error)) from error
        return page.last


def _calls(pool: PoolState) -> tuple[ViewCall, ...]:
    address = pool.config.address
    if pool.config.kind == "v2":
        return (ViewCall(address, "getReserves()(uint112,uint112,uint32)"),)
    # Only the first word of slot0 is read: the rest differs between the kinds of V3.
    return (
        ViewCall(address, "slot0()(uint160)"),
        ViewCall(pool.token0.address, "balanceOf(address)(uint256)", (address,)),
        ViewCall(pool.token1.address, "balanceOf(address)(uint256)", (address,)),
    )
