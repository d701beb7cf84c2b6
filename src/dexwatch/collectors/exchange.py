"""What is traded: swaps, dollars, sizes, price impact, slippage, fees; and what providers gain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dexwatch.chain.calls import topic
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.collectors.rolling import RollingSum
from dexwatch.evm import events
from dexwatch.evm.block import Block, Log
from dexwatch.evm.events import V2Swap, V2Sync, V3Collect, V3Mint, V3Swap
from dexwatch.evm.hexadecimal import MalformedError
from dexwatch.market import pools, prices
from dexwatch.market.config import ContractConfig, trade_layout
from dexwatch.market.pools import Trade
from dexwatch.market.state import PoolState
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

V2_PROVIDER_SHARE = 17 / 25
"""Of PancakeSwap V2's fee providers keep 0.17 of 0.25 %; the rest goes to the protocol."""


@dataclass
class _Day:
    """A pool's last 24 hours, in dollars."""

    volume: RollingSum = field(default_factory=RollingSum)
    provider_fees: RollingSum = field(default_factory=RollingSum)


@dataclass(frozen=True)
class _TradeEvent:
    """How to read a router's own event of a trade."""

    pool: int
    received: int
    quoted: int
    words: int
    indexed: int


class ExchangeCollector(Collector):
    """Decodes the events of watched pools and routers, and keeps the market's state."""

    name: ClassVar[str] = "exchange"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._market = context.market
        self._routers = _routers(context.dex.contracts)
        self._days = {address: _Day() for address in self._market.pools}
        self._first_price: dict[str, float] = {}
        for pool in self._market.pools.values():
            for metric in (exchange.swaps, exchange.volume_usd, exchange.fees_usd):
                series.add(metric, 0, pool=pool.name)
            series.add(exchange.high_value_swaps, 0, pool=pool.name)

    def on_block(self, block: Block) -> None:
        """Take the events of a block's receipts."""
        for receipt in block.receipts:
            synced: dict[str, V2Sync] = {}
            for log in receipt.logs:
                try:
                    self._on_log(log, synced, block.header.timestamp_ms)
                except MalformedError:
                    self.series.add(exchange.events_malformed, address=log.address)
        self._show(block.header.timestamp_ms)

    def _on_log(self, log: Log, synced: dict[str, V2Sync], now_ms: int) -> None:
        pool = self._market.pools.get(log.address)
        if pool is None:
            self._on_router(log)
            return
        event = events.decode(log)
        if isinstance(event, V2Sync):
            synced[log.address] = event
            self._market.sync(pool, event)
        elif isinstance(event, V2Swap):
            self._on_v2_swap(pool, event, synced.get(log.address), now_ms)
        elif isinstance(event, V3Swap):
            self._on_v3_swap(pool, event, now_ms)
        elif isinstance(event, V3Mint):
            self._market.mint(pool, event)
        elif isinstance(event, V3Collect):
            self._market.collect(pool, event)

    def _on_v2_swap(self, pool: PoolState, event: V2Swap, sync: V2Sync | None, now_ms: int) -> None:
        trade = pools.v2_trade(event)
        if sync is not None:
            reserve0, reserve1 = pools.reserves_before(sync, event)
            reserve_in = reserve0 if trade.zero_for_one else reserve1
            impact = pools.price_impact(trade.amount_in, reserve_in, pool.config.fee_bps)
            self.series.observe(exchange.price_impact_ratio, impact, pool=pool.name)
        fee = pools.fee(trade.amount_in, pool.config.fee_bps)
        self._on_trade(pool, trade, fee, fee * V2_PROVIDER_SHARE, now_ms)

    def _on_v3_swap(self, pool: PoolState, event: V3Swap, now_ms: int) -> None:
        trade = pools.v3_trade(event)
        if pool.sqrt_price_x96 is not None:
            impact = pools.v3_price_impact(pool.sqrt_price_x96, event.sqrt_price_x96)
            self.series.observe(exchange.price_impact_ratio, impact, pool=pool.name)
        self._market.swap(pool, event)
        fee = pools.fee(trade.amount_in, pool.config.fee_bps)
        protocol = event.protocol_fee0 if trade.zero_for_one else event.protocol_fee1
        self._on_trade(pool, trade, fee, max(fee - protocol, 0.0), now_ms)

    def _on_trade(
        self, pool: PoolState, trade: Trade, fee: float, provider_fee: float, now_ms: int
    ) -> None:
        name, series = pool.name, self.series
        series.add(exchange.swaps, pool=name)
        sold, bought = (
            (pool.token0, pool.token1) if trade.zero_for_one else (pool.token1, pool.token0)
        )
        known = self._market.prices
        usd = prices.trade_usd(
            (sold.symbol, trade.amount_in / 10**sold.decimals),
            (bought.symbol, trade.amount_out / 10**bought.decimals),
            known,
        )
        if usd is None:
            return
        series.add(exchange.volume_usd, usd, pool=name)
        series.observe(exchange.swap_size_usd, usd, pool=name)
        if usd > self.context.dex.high_value_usd:
            series.add(exchange.high_value_swaps, pool=name)
        share = fee / trade.amount_in if trade.amount_in else 0.0
        series.add(exchange.fees_usd, usd * share, pool=name)
        day = self._days[pool.config.address]
        day.volume.add(now_ms, usd)
        kept = provider_fee / trade.amount_in if trade.amount_in else 0.0
        day.provider_fees.add(now_ms, usd * kept)

    def _on_router(self, log: Log) -> None:
        layout = self._routers.get((log.address, log.topics[0])) if log.topics else None
        if layout is None:
            return
        words = events.words(log, layout.words, layout.indexed)
        pool = self._market.pools.get(events.as_address(words[layout.pool]))
        lost = pools.slippage(words[layout.received], words[layout.quoted])
        if pool is not None and lost is not None:
            self.series.observe(exchange.slippage_ratio, lost, pool=pool.name)

    def _show(self, now_ms: int) -> None:
        for symbol, price in self._market.prices.items():
            self.series.set(exchange.token_price_usd, price.usd, token=symbol)
        for address, pool in self._market.pools.items():
            price_now = pool.price()
            if price_now is not None:
                self.series.set(exchange.pool_price, price_now, pool=pool.name)
            self._show_returns(pool, self._days[address], price_now, now_ms)

    def _show_returns(
        self, pool: PoolState, day: _Day, price_now: float | None, now_ms: int
    ) -> None:
        day.volume.advance(now_ms)
        day.provider_fees.advance(now_ms)
        locked = self._market.locked_usd(pool)
        if locked:
            self.series.set(exchange.tvl_usd, locked, pool=pool.name)
            utilisation = day.volume.total / locked
            self.series.set(exchange.pool_utilisation, utilisation, pool=pool.name)
            apr = pools.fee_apr(day.provider_fees.per_day(), locked)
            self.series.set(exchange.fee_apr, apr, pool=pool.name)
            # Beyond this a yearly figure means nothing and the power overflows.
            self.series.set(exchange.fee_apy, pools.apy(min(apr, 1_000.0)), pool=pool.name)
        if price_now and pool.config.kind == "v2":
            first = self._first_price.setdefault(pool.name, price_now)
            loss = pools.impermanent_loss(price_now / first)
            self.series.set(exchange.impermanent_loss, loss, pool=pool.name)


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
