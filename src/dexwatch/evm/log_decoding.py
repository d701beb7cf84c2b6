"""Logs as typed events. A log that bears a known topic but another shape is a `MalformedError`."""

from collections.abc import Callable

from dexwatch.evm import topics
from dexwatch.evm.block import Log
from dexwatch.evm.events import (
    Administrative,
    DecreaseLiquidity,
    Event,
    IncreaseLiquidity,
    NftTransfer,
    PairCreated,
    Transfer,
    V2Burn,
    V2Mint,
    V2Swap,
    V2Sync,
    V3Burn,
    V3Collect,
    V3Mint,
    V3Swap,
)
from dexwatch.evm.hexadecimal import MalformedError


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


def _transfer(log: Log) -> Transfer | NftTransfer:
    if len(log.topics) == 1 + 3 and not log.data:
        owner, taker, token_id = words(log, 0, 3)
        return NftTransfer(as_address(owner), as_address(taker), token_id)
    sender, recipient, amount = words(log, 1, 2)
    return Transfer(as_address(sender), as_address(recipient), amount)


def _increase_liquidity(log: Log) -> IncreaseLiquidity:
    token_id, liquidity, amount0, amount1 = words(log, 3, 1)
    return IncreaseLiquidity(token_id, _fits(liquidity, 128), amount0, amount1)


def _decrease_liquidity(log: Log) -> DecreaseLiquidity:
    token_id, liquidity, amount0, amount1 = words(log, 3, 1)
    return DecreaseLiquidity(token_id, _fits(liquidity, 128), amount0, amount1)


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
    topics.INCREASE_LIQUIDITY: _increase_liquidity,
    topics.DECREASE_LIQUIDITY: _decrease_liquidity,
    **dict.fromkeys(topics.ADMINISTRATIVE, _administrative),
}
