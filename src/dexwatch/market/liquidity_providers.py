"""Who provides liquidity: holders of a pair's token, owners of positions; bounded, reversible."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dexwatch.evm.events import Event, Transfer, V3Burn, V3Mint

ZERO = "0x" + 40 * "0"
Change = tuple[str, str, int]
"""Pool address, holder (with the position, where there are several), liquidity gained or lost."""


@dataclass
class Providers:
    """Liquidity by holder and pool; at most `limit` holders a pool, further ones are counted."""

    limit: int
    kept_blocks: int
    refused: int = 0
    _held: dict[str, dict[str, int]] = field(default_factory=dict)
    _recent: OrderedDict[str, list[Change]] = field(default_factory=OrderedDict)

    def count(self, pool: str) -> int:
        """Return how many addresses hold liquidity of a pool."""
        return len({holder.split("/", 1)[0] for holder in self._held.get(pool, {})})

    def apply(self, changes: Iterable[Change], *, block_hash: str | None = None) -> None:
        """Take changes; those of a block can be taken back while the block is recent."""
        taken = [change for change in changes if self._apply(change)]
        if block_hash is not None and taken:
            self._recent.setdefault(block_hash, []).extend(taken)
            while len(self._recent) > self.kept_blocks:
                self._recent.popitem(last=False)

    def retract(self, block_hash: str) -> None:
        """Take back the changes of a block that is no longer canonical."""
        for pool, holder, amount in reversed(self._recent.pop(block_hash, [])):
            self._apply((pool, holder, -amount))

    def _apply(self, change: Change) -> bool:
        pool, holder, amount = change
        held = self._held.setdefault(pool, {})
        if holder not in held and len(held) >= self.limit:
            self.refused += 1
            return False
        total = held.get(holder, 0) + amount
        # Below zero: the holder had liquidity from before we began to look.
        if total > 0:
            held[holder] = total
        else:
            held.pop(holder, None)
        return True


def changes(pool: str, event: Event | None) -> list[Change]:
    """Return how an event of a pool changes who holds its liquidity."""
    if isinstance(event, Transfer):
        sides = ((event.sender, -event.amount), (event.recipient, event.amount))
        # The pair holds its own token only within a withdrawal.
        return [(pool, who, amount) for who, amount in sides if who not in (ZERO, pool)]
    if isinstance(event, V3Mint):
        return [(pool, _position(event), event.liquidity)]
    if isinstance(event, V3Burn):
        return [(pool, _position(event), -event.liquidity)]
    return []


def _position(event: V3Mint | V3Burn) -> str:
    return f"{event.owner}/{event.tick_lower}/{event.tick_upper}"
