"""Logs become typed events; a known topic with another shape is malformed."""

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.evm import events, log_decoding, topics
from dexwatch.evm.block import Log
from dexwatch.evm.hexadecimal import MalformedError

A = "0x" + "0a" * 20
B = "0x" + "0b" * 20
POOL = "0x" + "aa" * 20
UINT = st.integers(0, 2**256 - 1)
INT = st.integers(-(2**255), 2**255 - 1)
TICK = st.integers(-887272, 887272)


def word(kind: str, value: object) -> str:
    return "0x" + encode([kind], [value]).hex()


def log(topic: str, indexed: list[tuple[str, object]], data: list[tuple[str, object]]) -> Log:
    return Log(
        POOL,
        (topic, *(word(kind, value) for kind, value in indexed)),
        encode([kind for kind, _ in data], [value for _, value in data]),
        0,
    )


@given(UINT, UINT, UINT, UINT)
def test_v2_swap(in0: int, in1: int, out0: int, out1: int) -> None:
    data = [("uint256", value) for value in (in0, in1, out0, out1)]
    found = log_decoding.decode(log(topics.V2_SWAP, [("address", A), ("address", B)], data))
    assert found == events.V2Swap(A, in0, in1, out0, out1, B)


@given(INT, INT, st.integers(0, 2**160 - 1), st.integers(0, 2**128 - 1), TICK)
def test_v3_swap_of_uniswap_and_of_pancake(
    amount0: int, amount1: int, price: int, liquidity: int, tick: int
) -> None:
    indexed: list[tuple[str, object]] = [("address", A), ("address", B)]
    data: list[tuple[str, object]] = [
        ("int256", amount0),
        ("int256", amount1),
        ("uint160", price),
        ("uint128", liquidity),
        ("int24", tick),
    ]
    wanted = events.V3Swap(A, B, amount0, amount1, price, liquidity, tick)
    assert log_decoding.decode(log(topics.UNISWAP_V3_SWAP, indexed, data)) == wanted
    fees: list[tuple[str, object]] = [("uint128", 5), ("uint128", 6)]
    found = log_decoding.decode(log(topics.PANCAKE_V3_SWAP, indexed, data + fees))
    assert isinstance(found, events.V3Swap)
    assert (found.amount0, found.protocol_fee0, found.protocol_fee1) == (amount0, 5, 6)


@given(TICK, TICK, st.integers(0, 2**128 - 1), UINT)
def test_v3_positions(lower: int, upper: int, liquidity: int, amount: int) -> None:
    owner: list[tuple[str, object]] = [("address", A), ("int24", lower), ("int24", upper)]
    amounts: list[tuple[str, object]] = [
        ("uint128", liquidity),
        ("uint256", amount),
        ("uint256", 7),
    ]
    mint = log_decoding.decode(log(topics.V3_MINT, owner, [("address", B), *amounts]))
    assert mint == events.V3Mint(A, lower, upper, liquidity, amount, 7)
    burn = log_decoding.decode(log(topics.V3_BURN, owner, amounts))
    assert burn == events.V3Burn(A, lower, upper, liquidity, amount, 7)
    paid: list[tuple[str, object]] = [("address", B), ("uint128", liquidity), ("uint128", 9)]
    collect = log_decoding.decode(log(topics.V3_COLLECT, owner, paid))
    assert collect == events.V3Collect(A, lower, upper, liquidity, 9)


def test_the_other_events() -> None:
    assert log_decoding.decode(
        log(topics.V2_SYNC, [], [("uint112", 3), ("uint112", 4)])
    ) == events.V2Sync(3, 4)
    assert log_decoding.decode(
        log(topics.V2_MINT, [("address", A)], [("uint256", 3), ("uint256", 4)])
    ) == events.V2Mint(A, 3, 4)
    both: list[tuple[str, object]] = [("address", A), ("address", B)]
    assert log_decoding.decode(
        log(topics.V2_BURN, both, [("uint256", 3), ("uint256", 4)])
    ) == events.V2Burn(A, 3, 4, B)
    assert log_decoding.decode(log(topics.TRANSFER, both, [("uint256", 3)])) == events.Transfer(
        A, B, 3
    )
    assert log_decoding.decode(
        log(topics.PAIR_CREATED, both, [("address", POOL), ("uint256", 1)])
    ) == events.PairCreated(A, B, POOL, 1)
    paused = log_decoding.decode(log(topics.PAUSED, [], [("address", A)]))
    assert isinstance(paused, events.Administrative)
    assert (paused.name, paused.arguments[0][-40:]) == ("Paused", A[2:])
    assert log_decoding.decode(Log(POOL, ("0x" + "77" * 32,), b"", 0)) is None
    assert log_decoding.decode(Log(POOL, (), b"", 0)) is None


@pytest.mark.parametrize(
    "broken",
    [
        Log(POOL, (topics.V2_SYNC,), b"\x00" * 63, 0),
        Log(POOL, (topics.V2_SYNC,), b"\xff" * 64, 0),
        Log(POOL, (topics.V2_SYNC, topics.V2_SYNC), b"\x00" * 64, 0),
        Log(POOL, (topics.TRANSFER, "0x" + "ff" * 32, "0x" + "00" * 32), b"\x00" * 32, 0),
        Log(POOL, (topics.V3_BURN, *["0x7" + "f" * 63] * 3), b"\x00" * 96, 0),
    ],
)
def test_a_known_topic_of_another_shape_is_malformed(broken: Log) -> None:
    with pytest.raises(MalformedError):
        log_decoding.decode(broken)


@given(
    st.sampled_from(sorted(topics.SIGNATURES.values())),
    st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    st.binary(max_size=400),
)
def test_random_logs_are_read_or_refused(topic: str, extra: list[bytes], data: bytes) -> None:
    try:
        log_decoding.decode(Log(POOL, (topic, *("0x" + raw.hex() for raw in extra)), data, 0))
    except MalformedError:
        return
