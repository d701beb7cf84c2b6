"""Logs as typed events. A log that bears a known topic but another shape is a `MalformedError`.

Amounts are in the token's smallest unit.
Layouts: Uniswap V2 and V3 core, PancakeSwap V2 and V3 core, EIP-20, OpenZeppelin's access and
security contracts, EIP-1967.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dexwatch.evm import topics
from dexwatch.evm.block import Log
from dexwatch.evm.hexadecimal import MalformedError


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
    | Administrative
)


def decode(log: Log) -> Event | None:
    """Return the event that a log tells of, None for an event that we do not know.

    Raises:
        MalformedError: the topic is known, the rest does not fit it.
    """
    if not log.topics:
        return None
    reader = _READERS.get(log.topics[0])
    return None if reader is None else reader(log)


def words(log: Log, count: int, indexed: int) -> list[int]:
    """Return the indexed arguments, then the data, as unsigned 256-bit words.

    Raises:
        MalformedError: another number of indexed arguments, or fewer words of data.
    """
    if len(log.topics) != 1 + indexed or len(log.data) < 32 * count:
        raise MalformedError("log.data", f"{len(log.topics)} topics, {len(log.data)} bytes")
    found = [int(topic, 16) for topic in log.topics[1:]]
    data = log.data
    found.extend(int.from_bytes(data[at : at + 32], "big") for at in range(0, 32 * count, 32))
    return found


def as_address(word: int) -> str:
    """Read a word as an address.

    Raises:
        MalformedError: the upper twelve bytes are not zero.
    """
    return f"0x{_fits(word, 160):040x}"


def signed(word: int, bits: int = 256) -> int:
    """Read a word as a two's complement number of so many bits.

    Raises:
        MalformedError: it is outside the type's range.
    """
    number = word - (1 << 256) if word >> 255 else word
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise MalformedError(f"log.int{bits}", number)
    return number


def _fits(word: int, bits: int) -> int:
    if word >> bits:
        raise MalformedError(f"log.uint{bits}", word)
    return word


def _v2_swap(log: Log) -> V2Swap:
    sender, recipient, in0, in1, out0, out1 = words(log, 4, 2)
    return V2Swap(as_address(sender), in0, in1, out0, out1, as_address(recipient))


def _v2_sync(log: Log) -> V2Sync:
    reserve0, reserve1 = words(log, 2, 0)
    return V2Sync(_fits(reserve0, 112), _fits(reserve1, 112))


def _v2_mint(log: Log) -> V2Mint:
    sender, amount0, amount1 = words(log, 2, 1)
    return V2Mint(as_address(sender), amount0, amount1)


def _v2_burn(log: Log) -> V2Burn:
    sender, recipient, amount0, amount1 = words(log, 2, 2)
    return V2Burn(as_address(sender), amount0, amount1, as_address(recipient))


def _pair_created(log: Log) -> PairCreated:
    token0, token1, pair, count = words(log, 2, 2)
    return PairCreated(as_address(token0), as_address(token1), as_address(pair), count)


def _v3_swap(log: Log) -> V3Swap:
    fees = log.topics[0] == topics.PANCAKE_V3_SWAP
    sender, recipient, amount0, amount1, price, liquidity, tick, *paid = words(
        log, 7 if fees else 5, 2
    )
    return V3Swap(
        as_address(sender),
        as_address(recipient),
        signed(amount0),
        signed(amount1),
        _fits(price, 160),
        _fits(liquidity, 128),
        signed(tick, 24),
        *(_fits(fee, 128) for fee in paid),
    )


def _v3_mint(log: Log) -> V3Mint:
    # The sender is the only unindexed address and comes first in the data.
    owner, lower, upper, _sender, liquidity, amount0, amount1 = words(log, 4, 3)
    position = (as_address(owner), signed(lower, 24), signed(upper, 24), _fits(liquidity, 128))
    return V3Mint(*position, amount0, amount1)


def _v3_burn(log: Log) -> V3Burn:
    owner, lower, upper, liquidity, amount0, amount1 = words(log, 3, 3)
    position = (as_address(owner), signed(lower, 24), signed(upper, 24), _fits(liquidity, 128))
    return V3Burn(*position, amount0, amount1)


def _v3_collect(log: Log) -> V3Collect:
    owner, lower, upper, _recipient, amount0, amount1 = words(log, 3, 3)
    return V3Collect(
        as_address(owner),
        signed(lower, 24),
        signed(upper, 24),
        _fits(amount0, 128),
        _fits(amount1, 128),
    )


def _transfer(log: Log) -> Transfer:
    sender, recipient, amount = words(log, 1, 2)
    return Transfer(as_address(sender), as_address(recipient), amount)


def _administrative(log: Log) -> Administrative:
    hexadecimal = log.data.hex()
    plain = tuple(hexadecimal[at : at + 64] for at in range(0, min(len(hexadecimal), 256), 64))
    indexed = tuple(topic[2:] for topic in log.topics[1:])
    return Administrative(topics.ADMINISTRATIVE[log.topics[0]], indexed + plain)


_READERS: dict[str, Callable[[Log], Event]] = {
    topics.V2_SWAP: _v2_swap,
    topics.V2_SYNC: _v2_sync,
    topics.V2_MINT: _v2_mint,
    topics.V2_BURN: _v2_burn,
    topics.PAIR_CREATED: _pair_created,
    topics.UNISWAP_V3_SWAP: _v3_swap,
    topics.PANCAKE_V3_SWAP: _v3_swap,
    topics.V3_MINT: _v3_mint,
    topics.V3_BURN: _v3_burn,
    topics.V3_COLLECT: _v3_collect,
    topics.TRANSFER: _transfer,
    **dict.fromkeys(topics.ADMINISTRATIVE, _administrative),
}
