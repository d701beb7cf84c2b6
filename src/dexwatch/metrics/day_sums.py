"""What counters gained within a day: recorded by a rule each, and shown by boards under its name.

A board that summed a day itself would read a day of samples at each refresh, for each viewer.
"""

from dataclasses import dataclass

from dexwatch.metrics import business, chain, exchange
from dexwatch.metrics.metric import Metric


@dataclass(frozen=True)
class DaySum:
    """One sum; written into PromQL it is the name of the recorded series."""

    name: str
    counter: Metric
    by: tuple[str, ...] = ()
    """The labels that the sum keeps."""

    def __str__(self) -> str:
        return self.name


volume_usd = DaySum("dex:volume_usd:increase1d", exchange.volume_usd, ("pool",))
fees_usd = DaySum("dex:fees_usd:increase1d", exchange.fees_usd, ("pool",))
revenue_usd = DaySum("business:revenue_usd:increase1d", business.revenue_usd)
reorgs = DaySum("chain:reorgs:increase1d", chain.reorgs, ("depth",))
contract_changes = DaySum(
    "contract:state_changes:increase1d", exchange.contract_changes, ("contract", "event")
)
