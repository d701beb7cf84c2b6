"""All transactions of the chain: outcome, and what was paid for gas."""

from typing import ClassVar

from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

SYSTEM = frozenset(f"0x{number:040x}" for number in range(0x1000, 0x1010)) | frozenset(
    f"0x{number:040x}" for number in range(0x2000, 0x2010)
)
"""BSC's own contracts, called by validators in every block: no users, so not counted."""


class TransactionsCollector(Collector):
    """Counts by outcome; the price paid is the mean by gas of the newest block that has users."""

    name: ClassVar[str] = "transactions"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._counters = BlockCounters(series, context.chain.safe_depth_blocks)
        for outcome in ("success", "reverted"):
            series.add(chain.transactions, 0, outcome=outcome)

    def on_block(self, block: Block) -> None:
        """Count a block's transactions."""
        users = [receipt for receipt in block.receipts if receipt.to not in SYSTEM]
        good = sum(1 for receipt in users if receipt.success)
        self._counters.begin(block.ref.hash)
        self._counters.add(chain.transactions, good, outcome="success")
        self._counters.add(chain.transactions, len(users) - good, outcome="reverted")
        # Builders put in transactions at price zero; they pay otherwise and would blur the mean.
        paid = [(r.gas_price_wei, r.gas_used) for r in users if r.gas_price_wei]
        gas = sum(used for _, used in paid)
        if gas:
            mean = sum(price * used for price, used in paid) / gas
            self.series.set(chain.gas_price, mean, source="paid")

    def on_reorg(self, reorg: Reorg) -> None:
        """What dropped blocks counted is counted once when it comes again."""
        for ref in reorg.blocks:
            self._counters.retract(ref.hash)
