"""A block that geth made is proved, and not when any of its hashed content differs."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from dexwatch.evm.block import parse_block
from dexwatch.evm.proof import FalseBlockError, header_hash, prove, transaction_envelope
from dexwatch.evm.trie import list_root

GETH = json.loads((Path(__file__).parent / "answers" / "geth_block.json").read_text())
"""Made by geth 1.17 in developer mode: transactions of types 0 and 2, logs, a failed one."""


BSC = json.loads((Path(__file__).parent / "answers" / "bsc_block.json").read_text())
"""Block 55,475,598 of BNB Smart Chain's test network, public, without its receipts: a blob
transaction, and one of the validator."""


def proved(found: dict[str, Any]) -> None:
    prove(parse_block(found["block"], found["receipts"]), found["block"])


def test_a_block_of_geth_is_proved() -> None:
    proved(GETH)
    assert {receipt["type"] for receipt in GETH["receipts"]} >= {"0x0", "0x2"}
    assert any(receipt["logs"] for receipt in GETH["receipts"])


def test_header_and_transactions_of_a_block_of_bnb_smart_chain_are_proved() -> None:
    envelopes = [transaction_envelope(body) for body in BSC["transactions"]]
    assert header_hash(BSC) == BSC["hash"]
    assert "0x" + list_root(envelopes).hex() == BSC["transactionsRoot"]
    assert [body["hash"] for body in BSC["transactions"]] == [
        "0x" + keccak(envelope).hex() for envelope in envelopes
    ]


def test_the_root_of_nothing_is_the_one_that_every_empty_block_has() -> None:
    assert list_root([]) == keccak(b"\x80")


def _first_block(found: dict[str, Any]) -> None:
    block, nothing = found["block"], "0x" + "00" * 32
    block |= {"number": "0x0", "parentHash": nothing, "transactionsRoot": "0x" + "c5" * 32}
    block["hash"] = header_hash(block)
    for one in found["receipts"]:
        one["blockHash"] = block["hash"]


def test_the_roots_of_a_chain_s_first_block_are_as_its_makers_wrote_them() -> None:
    found = copy.deepcopy(GETH)
    _first_block(found)
    with pytest.raises(FalseBlockError, match="transactionsRoot"):
        proved(found)
    found["block"]["transactions"] = found["receipts"] = []
    proved(found)


@pytest.mark.parametrize("name", ["number", "timestamp", "gasUsed", "parentHash", "requestsHash"])
def test_another_header_field_gives_another_hash(name: str) -> None:
    block = copy.deepcopy(GETH["block"])
    last = block[name][-1]
    block[name] = block[name][:-1] + ("0" if last != "0" else "1")
    assert header_hash(block) != GETH["block"]["hash"]


def _value(found: dict[str, Any]) -> None:
    found["block"]["transactions"][0]["value"] = "0x7"


def _status(found: dict[str, Any]) -> None:
    failed = found["receipts"][0]["status"] == "0x0"
    found["receipts"][0]["status"] = "0x1" if failed else "0x0"


def _gas(found: dict[str, Any]) -> None:
    found["receipts"][0]["gasUsed"] = "0x7"


def _recipient(found: dict[str, Any]) -> None:
    found["receipts"][0]["to"] = "0x" + "77" * 20


def _logged(found: dict[str, Any]) -> dict[str, Any]:
    return next(receipt for receipt in found["receipts"] if receipt["logs"])


def _data(found: dict[str, Any]) -> None:
    _logged(found)["logs"][0]["data"] = "0x77"


def _no_log(found: dict[str, Any]) -> None:
    _logged(found)["logs"] = []


@pytest.mark.parametrize("lie", [_value, _status, _gas, _recipient, _data, _no_log])
def test_other_content_is_not_proved(lie: Any) -> None:
    found = copy.deepcopy(GETH)
    lie(found)
    with pytest.raises(FalseBlockError):
        proved(found)
