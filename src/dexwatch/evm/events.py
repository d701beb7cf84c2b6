"""What contracts tell of, as frozen values; `log_decoding` reads them from logs.

Amounts are in the token's smallest unit.
Layouts: Uniswap V2 and V3 core and periphery, PancakeSwap V2 and V3, EIP-20, EIP-721,
OpenZeppelin's access and security contracts, EIP-1967.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class V2Swap:
    """A swap in a constant-product pair; V2 pairs emit `Sync` just before, in the same call."""

    sender: str
    amount0_in: int
    amount1_in: int
    amount0_out: int
    amount1_out: int
    recipient: str


@dataclass(frozen=True, slots=True)
class V2Sync:
    """The reserves of a pair after a change."""

    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class V2Mint:
    """Liquidity added to a pair."""

    sender: str
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class V2Burn:
    """Liquidity withdrawn from a pair."""

    sender: str
    amount0: int
    amount1: int
    recipient: str


@dataclass(frozen=True, slots=True)
class PairCreated:
    """A factory made a pair."""

    token0: str
    token1: str
    pair: str
    count: int


@dataclass(frozen=True, slots=True)
class V3Swap:
    """A swap in a concentrated-liquidity pool; positive amounts went into the pool."""

    sender: str
    recipient: str
    amount0: int
    amount1: int
    sqrt_price_x96: int
    """After the swap."""
    liquidity: int
    tick: int
    protocol_fee0: int = 0
    protocol_fee1: int = 0


@dataclass(frozen=True, slots=True)
class V3Mint:
    """Liquidity added between two ticks."""

    owner: str
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class V3Burn:
    """Liquidity withdrawn between two ticks; the tokens move with `V3Collect`."""

    owner: str
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class V3Collect:
    """Tokens and fees paid out to a position's owner."""

    owner: str
    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """An EIP-20 transfer; the zero address mints and burns."""

    sender: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class NftTransfer:
    """An EIP-721 transfer; it bears EIP-20's topic, with the token's id as third indexed argument.

    The zero address mints and burns.
    """

    sender: str
    recipient: str
    token_id: int


@dataclass(frozen=True, slots=True)
class IncreaseLiquidity:
    """A position manager put liquidity into a pool for the owner of a token; the pool is not told.

    The pool's own `Mint` comes before, in the same call, with the same liquidity and amounts.
    """

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class DecreaseLiquidity:
    """A position manager took liquidity out of a pool; the pool's `Burn` comes before."""

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Administrative:
    """A contract's rules changed: paused, owner, role, implementation."""

    name: str
    arguments: tuple[str, ...]
    """Indexed arguments and data words, as 64 hexadecimal digits each."""


Event = (
    V2Swap
    | V2Sync
    | V2Mint
    | V2Burn
    | PairCreated
    | V3Swap
    | V3Mint
    | V3Burn
    | V3Collect
    | Transfer
    | NftTransfer
    | IncreaseLiquidity
    | DecreaseLiquidity
    | Administrative
)
