"""What can be wrong with a node of the sample."""

from dataclasses import dataclass


@dataclass
class Faults:
    """Faults of one node, changed while it runs; the defaults are the healthy state."""

    stalled: bool = False
    """The head stands still and the subscription is silent; everything else answers."""
    lag_blocks: int = 0
    """The node falls back by so many blocks, and says that it is syncing."""
    peers: int = 25
    gas_price_gwei: float | None = None
    """None is the normal price of about 0.1 gwei."""
    receipts_late_blocks: int = 0
    """Receipts appear so many blocks after the transaction's own block."""
