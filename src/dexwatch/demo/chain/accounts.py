"""What each unlocked account of the sample's chain is used for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Accounts:
    """Anvil's unlocked accounts by role."""

    owner: str
    guardian: str
    treasury: str
    whale: str
    arbitrageur: str
    lps: tuple[str, ...]
    hot_wallets: tuple[str, ...]
    traders: tuple[str, ...]

    COUNT: ClassVar[int] = 5 + 4 + 4 + 16

    @classmethod
    def of(cls, addresses: Sequence[str]) -> "Accounts":
        """Give roles by position; needs COUNT addresses."""
        a = [address.lower() for address in addresses]
        groups = tuple(a[5:9]), tuple(a[9:13]), tuple(a[13:29])
        return cls(a[0], a[1], a[2], a[3], a[4], *groups)

    @property
    def users(self) -> tuple[str, ...]:
        """All that hold tokens and trade."""
        people = (*self.lps, *self.hot_wallets, *self.traders)
        return (self.whale, self.arbitrageur, *people)
