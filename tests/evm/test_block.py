"""Blocks are read strictly: what is not as promised is a MalformedError, never another crash."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.evm.block import parse_block, parse_header
from dexwatch.evm.hexadecimal import MalformedError, data, hex_quantity
from dexwatch.evm.record import from_record, to_record

POOL = "0x" + "aa" * 20
OTHER = "0x" + "bb" * 20
SENDER = "0x" + "01" * 20
HASH = "0x" + "11" * 32
PARENT = "0x" + "22" * 32
TX = "0x" + "33" * 32

BODY: dict[str, Any] = {
    "number": "0x10",
    "hash": HASH,
    "parentHash": PARENT,
    "timestamp": "0x6b026cd2",
    "milliTimestamp": hex(0x6B026CD2 * 1000 + 450),
    "gasUsed": "0x5208",
    "gasLimit": "0x3473bc0",
    "difficulty": "0x2",
    "miner": SENDER,
    "transactions": [
        {"hash": TX, "value": "0x0", "gas": "0x30d40", "input": "0xa9059cbb", "to": POOL}
    ],
}
LOG: dict[str, Any] = {"address": POOL, "topics": [HASH], "data": "0x00", "logIndex": "0x1"}
RECEIPT: dict[str, Any] = {
    "transactionHash": TX,
    "transactionIndex": "0x0",
    "blockHash": HASH,
    "from": SENDER,
    "to": POOL,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x2faf080",
    "logs": [LOG, {**LOG, "address": OTHER}],
}


def test_a_block_is_kept_whole() -> None:
    block = parse_block(BODY, [RECEIPT])
    assert block.header.timestamp_ms == 0x6B026CD2 * 1000 + 450
    assert [log.address for log in block.receipts[0].logs] == [POOL, OTHER]
    assert block.transactions[0].selector == "a9059cbb"
    assert from_record(orjson.loads(orjson.dumps(to_record(block)))) == block


def test_without_milliseconds_the_seconds_are_taken() -> None:
    body = {key: value for key, value in BODY.items() if key != "milliTimestamp"}
    assert parse_header(body).timestamp_ms == 0x6B026CD2 * 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", None),
        ("number", 16),
        ("number", "0x"),
        ("number", "16"),
        ("number", "0x1_0"),
        ("number", "0x" + "f" * 17),
        ("number", "0x" + "f" * 70),
        ("hash", "0x11"),
        ("hash", ["0x11"]),
        ("parentHash", HASH + "11"),
        ("timestamp", "0x" + "f" * 16),
        ("milliTimestamp", "0x1"),
        ("gasUsed", True),
        ("miner", "0x" + "g" * 40),
        ("transactions", None),
        ("transactions", {"a": 1}),
        ("transactions", []),
        ("transactions", [None]),
        ("transactions", [{**BODY["transactions"][0], "input": "0x123"}]),
    ],
)
def test_a_wrong_field_of_the_block_is_named(field: str, value: object) -> None:
    with pytest.raises(MalformedError) as raised:
        parse_block({**BODY, field: value}, [RECEIPT])
    assert raised.value.field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("blockHash", PARENT),
        ("blockHash", None),
        ("transactionIndex", "0x1"),
        ("status", "0x2"),
        ("status", None),
        ("to", "0x"),
        ("logs", None),
        ("logs", [None]),
        ("logs", [{"address": None}]),
        ("logs", [{**LOG, "topics": [HASH] * 5}]),
        ("logs", [{**LOG, "data": "0x0"}]),
        ("logs", [{**LOG, "topics": ["0x1"]}]),
    ],
)
def test_a_wrong_field_of_a_receipt_is_named(field: str, value: object) -> None:
    with pytest.raises(MalformedError):
        parse_block(BODY, [{**RECEIPT, field: value}])


def test_receipts_of_another_block_are_refused() -> None:
    with pytest.raises(MalformedError, match="receipts"):
        parse_block(BODY, [])
    with pytest.raises(MalformedError, match="blockHash"):
        parse_block(BODY, [{**RECEIPT, "blockHash": PARENT}])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=200)
@given(field=st.sampled_from(sorted({*BODY, *RECEIPT, *LOG})), value=_JSON, place=st.integers(0, 2))
def test_any_json_anywhere_is_read_or_refused(field: str, value: object, place: int) -> None:
    body, receipt = copy.deepcopy(BODY), copy.deepcopy(RECEIPT)
    (body, receipt, receipt["logs"][0])[place][field] = value
    try:
        parse_block(body, [receipt])
    except MalformedError:
        return


@given(st.integers(0, 2**64 - 1))
def test_a_quantity_comes_back(number: int) -> None:
    assert hex_quantity(hex(number), "x") == number


@given(st.binary(max_size=64))
def test_data_comes_back(raw: bytes) -> None:
    assert data("0x" + raw.hex(), "x") == raw
    with pytest.raises(MalformedError):
        data("0x" + raw.hex() + "ff" * 65, "x", max_bytes=64)
