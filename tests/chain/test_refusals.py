"""What nodes answer is told apart, and what is not clear goes the safe way."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.chain import refusals
from dexwatch.chain.answers import RpcError, refusal
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import SourceError
from tests.chain.refusal_cases import CASES


def refused(error: dict[str, Any], *, status: int = 200) -> RpcError:
    found = refusal({"jsonrpc": "2.0", "id": 1, "error": error}, status=status)
    assert isinstance(found, RpcError)
    return found


@pytest.mark.parametrize(("provider", "code", "message", "expected"), CASES)
def test_refusals(provider: str, code: int | None, message: str, expected: Refusal) -> None:
    assert refused({"code": code, "message": message}).refusal is expected, provider


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (429, -32000, "slow down", Refusal.RATE_LIMITED),
        (429, -32601, "method not found", Refusal.RATE_LIMITED),
        (429, 31, "at most 1 calls in a batch", Refusal.RATE_LIMITED),
        (429, 3, "execution reverted", Refusal.REVERTED),
        (413, -32000, "request entity", Refusal.TOO_LARGE),
        (500, 3, "execution reverted", Refusal.REVERTED),
        (400, -32601, "method not found", Refusal.UNSUPPORTED),
        (403, -32601, "rpc method is not whitelisted", Refusal.UNSUPPORTED),
    ],
)
def test_the_http_status_speaks_where_the_answer_does_not(
    status: int, code: int, message: str, expected: Refusal
) -> None:
    assert refused({"code": code, "message": message}, status=status).refusal is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"code": -32603, "message": "Internal error", "data": {"message": "VM Exception"}},
            Refusal.REVERTED,
        ),
        ({"code": -32000, "message": "failed", "data": "Reverted 0x08c379a0"}, Refusal.REVERTED),
        (
            {"code": -32010, "message": "refused", "data": "batch: exceeded max limit of 3"},
            Refusal.TOO_LARGE,
        ),
    ],
)
def test_the_reason_may_stand_in_the_data(error: dict[str, Any], expected: Refusal) -> None:
    assert refused(error).refusal is expected


@pytest.mark.parametrize(
    "data",
    [
        "0x08c379a0",
        "Reverted 0x08c379a0",
        "err: 0x08c379a0 (supplied gas 36000000)",
        {"message": "reverted", "data": "0x08c379a0"},
        {"originalError": {"data": "0x08c379a0"}},
    ],
)
def test_revert_data_is_found_wherever_a_node_puts_it(data: object) -> None:
    assert refused({"code": 3, "message": "execution reverted", "data": data}).data == "0x08c379a0"


def test_an_error_without_its_envelope_is_read() -> None:
    # As QuickNode answers above the plan's rate.
    found = refusal({"code": -32007, "message": "100/second request limit reached"})
    assert isinstance(found, RpcError)
    assert found.refusal is Refusal.RATE_LIMITED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CODES = st.sampled_from(sorted({case[1] for case in CASES if isinstance(case[1], int)}))
MESSAGES = st.sampled_from([case[2] for case in CASES])


@given(code=JSON | CODES, message=JSON | MESSAGES, data=JSON | MESSAGES, status=st.integers())
def test_no_answer_raises(code: object, message: object, data: object, status: int) -> None:
    error = {"code": code, "message": message, "data": data}
    found = refusal({"error": error}, status=status)
    assert isinstance(found, RpcError)
    assert found.refusal in Refusal


@given(answer=st.dictionaries(st.sampled_from(["error", "code", "message", "data"]), JSON))
def test_no_shape_of_an_answer_raises(answer: dict[str, Any]) -> None:
    assert isinstance(refusal(answer), SourceError)


@given(code=CODES, before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_rate_limit_is_never_a_missing_method(code: int, before: str, after: str) -> None:
    message = f"{before} rate limit {after}: method not supported"
    assert refused({"code": code, "message": message}).refusal is not Refusal.UNSUPPORTED


@pytest.mark.parametrize(
    "piece", ["method ", "method_", "batch", "not ", "0x", "limit exceed", "a_"]
)
def test_a_long_text_costs_little(piece: str) -> None:
    text = piece * 200_000
    began = time.process_time()
    for _ in range(20):
        refused({"code": -32000, "message": text, "data": text})
    assert time.process_time() - began < 0.5


def test_every_row_says_where_it_is_from() -> None:
    assert all(rule.source for rule in refusals.RULES)


def test_every_row_decides_something() -> None:
    # A row that no case needs is dead, or hidden by the rows above it.
    asked = [(code, refusals.words(message, None), 200) for _, code, message, _ in CASES]
    asked += [(-32000, "", 413), (-32000, "", 429)]
    used = {id(refusals.rule(*one)) for one in asked}
    assert [rule.source for rule in refusals.RULES if id(rule) not in used] == []
