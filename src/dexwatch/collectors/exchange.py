"""What is traded: swaps, dollars, sizes, price impact, slippage, fees; prices and TVL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from dexwatch.chain.calls import topic
from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm import log_decoding
from dexwatch.evm.block import Block, Log
from dexwatch.evm.events import Event, V2Swap, V2Sync, V3Swap
from dexwatch.evm.hexadecimal import MalformedError
from dexwatch.evm.sequence import Reorg
from dexwatch.market import pools, prices
from dexwatch.market.block_events import Emitted
from dexwatch.market.config import ContractConfig, trade_layout
from dexwatch.market.history import PoolState
from dexwatch.market.pools import Trade
from dexwatch.market.prices import Price
from dexwatch.market.state import WatchedPool
from dexwatch.metrics import exchange
from dexwatch.metrics.metric import Metric
from dexwatch.metrics.series import Series

V2_LP_SHARE = (17, 25)
"""Of PancakeSwap V2's fee LPs keep 0.17 of 0.25%; the rest goes to the protocol."""


@dataclass(frozen=True, slots=True)
class _Swap:
    """A swap with its fees in units of the token that went in."""

    pool: WatchedPool
    trade: Trade
    fee: int
    lp_fee: int
    impact: Decimal | None


@dataclass(frozen=True)
class _TradeEvent:
    """How to read a router's own event of a trade."""

    pool: int
    received: int
    quoted: int
    words: int
    indexed: int


class ExchangeCollector(Collector):
    """Takes the events of watched pools and routers, and keeps the market's state."""

    name: ClassVar[str] = "exchange"
    keeps_market: ClassVar[bool] = True

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._market = context.market
        self._routers = _routers(context.dex.contracts)
        self._counters = BlockCounters(series, context.chain.safe_depth_blocks)
        self._high_value = Decimal(str(context.dex.high_value_usd))
        self._shown: set[str] = set()
        self._version = -1
        for pool in self._market.pools.values():
            for metric in (
                exchange.swaps,
                exchange.swaps_unpriced,
                exchange.volume_usd,
                exchange.fees_usd,
                exchange.lp_fees_usd,
                exchange.high_value_swaps,
            ):
                series.add(metric, 0, pool=pool.name)

    def on_block(self, block: Block) -> None:
        """Take the events of a block's receipts."""
        self._market.settle()
        # A swap is valued at the prices before its block, so nobody can bend a price for a moment
        # and have his own swap valued at it.
        before = self._market.prices
        decoded = self._market.decode(block)
        self._counters.begin(block.ref.hash)
        swaps: list[_Swap] = []
        for transaction in decoded.transactions:
            swaps.extend(self._take(block.ref.number, transaction))
        for address in (*decoded.malformed, *self._on_routers(block)):
            self._counters.add(exchange.events_malformed, address=address)
        known = {**self._market.prices, **before}
        for swap in swaps:
            self._count(swap, known)
        self._show()

    def on_reorg(self, reorg: Reorg) -> None:
        """Take back what dropped blocks changed; counters wait until they are right again."""
        for ref in reorg.blocks:
            self._counters.retract(ref.hash)
        self._market.retract(reorg.blocks, reset=reorg.cause == "reset")
        self._show()

    def _take(self, number: int, transaction: Iterable[Emitted]) -> Iterable[_Swap]:
        synced: dict[str, tuple[PoolState, V2Sync]] = {}
        for address, event in transaction:
            pool = self._market.pools.get(address)
            if pool is None:
                continue
            if isinstance(event, V2Sync):
                synced[address] = pool.state, event
            swap = _swap(pool, event, synced.get(address))
            if swap is not None:
                yield swap
            self._market.apply(number, pool, event)

    def _count(self, swap: _Swap, known: Mapping[str, Price]) -> None:
        counters, name, trade = self._counters, swap.pool.name, swap.trade
        counters.add(exchange.swaps, pool=name)
        if swap.impact is not None:
            counters.observe(exchange.price_impact_ratio, swap.impact, pool=name)
        usd = prices.trade_usd(*swap.pool.sides(trade), known)
        if usd is None:
            counters.add(exchange.swaps_unpriced, pool=name)
            return
        counters.add(exchange.volume_usd, usd, pool=name)
        counters.observe(exchange.swap_size_usd, usd, pool=name)
        if usd > self._high_value:
            counters.add(exchange.high_value_swaps, pool=name)
        if trade.amount_in:
            counters.add(exchange.fees_usd, usd * swap.fee / trade.amount_in, pool=name)
            counters.add(exchange.lp_fees_usd, usd * swap.lp_fee / trade.amount_in, pool=name)

    def _on_routers(self, block: Block) -> list[str]:
        """Take the routers' own events of trades; returns who wrote malformed ones."""
        malformed = []
        for receipt in block.receipts:
            for log in receipt.logs:
                layout = self._routers.get((log.address, log.topics[0])) if log.topics else None
                if layout is None:
                    continue
                try:
                    self._on_router(log, layout)
                except MalformedError:
                    malformed.append(log.address)
        return malformed

    def _on_router(self, log: Log, layout: _TradeEvent) -> None:
        words = log_decoding.words(log, layout.words, layout.indexed)
        pool = self._market.pools.get(log_decoding.as_address(words[layout.pool]))
        lost = pools.slippage(words[layout.received], words[layout.quoted])
        if pool is not None and lost is not None:
            self._counters.observe(exchange.slippage_ratio, lost, pool=pool.name)

    def _show(self) -> None:
        if self._version == self._market.version:
            return
        self._version = self._market.version
        known = self._market.prices
        for symbol in self._shown - known.keys():
            for metric in (
                exchange.token_price_usd,
                exchange.price_depth_usd,
                exchange.price_spread_ratio,
            ):
                self.series.forget(metric, token=symbol)
        self._shown = set(known)
        for symbol, price in known.items():
            self.series.set(exchange.token_price_usd, float(price.usd), token=symbol)
            if price.hops:
                self.series.set(exchange.price_depth_usd, float(price.depth_usd), token=symbol)
                self.series.set(exchange.price_spread_ratio, float(price.spread), token=symbol)
        for pool in self._market.pools.values():
            self._show_pool(pool)

    def _show_pool(self, pool: WatchedPool) -> None:
        price, tvl = pool.price(), self._market.tvl(pool)
        self._set(exchange.pool_price, price, pool)
        self._set(exchange.tvl_usd, None if tvl is None else tvl.usd, pool)
        unpriced = None if pool.holdings() is None else 2 if tvl is None else tvl.unpriced
        count = len(unpriced) if isinstance(unpriced, tuple) else unpriced
        self._set(exchange.tokens_unpriced, count, pool)
        entry = pool.config.entry_price
        if pool.config.kind == "v2" and entry is not None:
            ratio = None if price is None else price / Decimal(str(entry))
            loss = None if ratio is None else pools.impermanent_loss(ratio)
            self._set(exchange.impermanent_loss, loss, pool)

    def _set(self, metric: Metric, value: Decimal | int | None, pool: WatchedPool) -> None:
        if value is not None:
            self.series.set(metric, float(value), pool=pool.name)
        elif self.series.value(metric, pool=pool.name) is not None:
            self.series.forget(metric, pool=pool.name)


def _swap(pool: WatchedPool, event: Event, synced: tuple[PoolState, V2Sync] | None) -> _Swap | None:
    """Read a swap, before the pool's state takes it; None for another event.

    `synced` is the `Sync` that a pair emits just before, with the state that this found.
    """
    fee_bps = pool.config.fee_bps
    if isinstance(event, V2Swap):
        trade = pools.v2_trade(event)
        impact = None
        if synced is not None:
            before, sync = synced
            reserve0, reserve1 = pools.reserves_before(sync, event)
            reserve_in = reserve0 if trade.zero_for_one else reserve1
            # A token that taxes its sender takes more out of the pair than the swap tells.
            known = before.amount0 if trade.zero_for_one else before.amount1
            reserve_in = reserve_in if known is None else known
            impact = pools.price_impact(trade.amount_in, reserve_in, fee_bps)
        fee = pools.fee(trade.amount_in, fee_bps)
        kept, whole = V2_LP_SHARE
        return _Swap(pool, trade, fee, fee * kept // whole, impact)
    if isinstance(event, V3Swap):
        trade, root = pools.v3_trade(event), pool.state.root
        impact = None
        if root is not None:
            impact = pools.v3_price_impact(root, event.sqrt_price_x96)
        fee = pools.fee(trade.amount_in, fee_bps)
        protocol = event.protocol_fee0 if trade.zero_for_one else event.protocol_fee1
        return _Swap(pool, trade, fee, max(fee - protocol, 0), impact)
    return None


def _routers(contracts: tuple[ContractConfig, ...]) -> Mapping[tuple[str, str], _TradeEvent]:
    found: dict[tuple[str, str], _TradeEvent] = {}
    for contract in contracts:
        if contract.trade_event is None:
            continue
        signature, places, words, indexed = trade_layout(contract.trade_event)
        found[contract.address, topic(signature)] = _TradeEvent(
            places["pool"], places["amountout"], places["quotedout"], words, indexed
        )
    return found
