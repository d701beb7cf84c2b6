"""The header's filter tells whether logs are missing, whatever else a node says."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.evm.block import parse_block
from dexwatch.evm.bloom import Completeness, completeness
from tests.fakes.chain import FakeChain

LOG: dict[str, Any] = {"address": "0x" + "aa" * 20, "topics": ["0x" + "01" * 32], "data": "0x"}


TOPIC = st.binary(min_size=32, max_size=32)


def mined(*logs: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    chain = FakeChain()
    chain.mine(receipts=[{"logs": [log]} for log in logs])
    return chain.head, chain.receipts[chain.head["hash"]]


def test_all_logs_are_complete() -> None:
    head, receipts = mined(LOG, {**LOG, "topics": ["0x" + "02" * 32]})
    assert completeness(parse_block(head, receipts)) is Completeness.COMPLETE


def test_no_logs_under_a_full_filter_are_missing() -> None:
    head, receipts = mined(LOG)
    receipts[0]["logs"] = []
    assert completeness(parse_block(head, receipts)) is Completeness.MISSING


def test_logs_outside_the_headers_bloom_are_foreign() -> None:
    head, receipts = mined(LOG)
    receipts[0]["logs"][0]["topics"] = ["0x" + "03" * 32]
    assert completeness(parse_block(head, receipts)) is Completeness.FOREIGN


def test_without_a_filter_nothing_is_known() -> None:
    head, receipts = mined(LOG)
    del head["logsBloom"]
    assert completeness(parse_block(head, receipts)) is Completeness.UNKNOWN


@pytest.mark.parametrize("value", ["0x", "0x" + "0" * 510, 5, ["0x"], "0x" + "g" * 512])
def test_a_filter_of_another_shape_is_malformed(value: object) -> None:
    head, receipts = mined(LOG)
    head["logsBloom"] = value
    with pytest.raises(ValueError, match="logsBloom"):
        parse_block(head, receipts)


@settings(max_examples=60)
@given(
    st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=8, unique=True), st.data()
)
def test_whichever_log_is_left_out_is_missed(topics: list[bytes], data: st.DataObject) -> None:
    head, receipts = mined(*({**LOG, "topics": ["0x" + topic.hex()]} for topic in topics))
    gone = data.draw(st.integers(0, len(topics) - 1))
    receipts[gone]["logs"] = []
    found = completeness(parse_block(head, receipts))
    # Three bits of eight others may cover those of the one: then nothing can be told.
    assert found in (Completeness.MISSING, Completeness.COMPLETE)
    if len(topics) < 4:
        assert found is Completeness.MISSING
