"""Refusals are told apart by code, and answers are bounded before they are built."""

import asyncio
import time

import pytest

from dexwatch.chain.answers import (
    Bound,
    MonstrousAnswerError,
    Refusal,
    RpcError,
    bound,
    is_unsupported,
    parse,
    result,
)


def refused(code: object, message: str, *, status: int = 200) -> RpcError:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}
    found = result(answer, 1, status=status)
    assert isinstance(found, RpcError)
    return found


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32601, "the method eth_getBlockReceipts does not exist/is not available"),
        (-32601, ""),
        (-32004, "Method not supported"),
        (-32600, "Unsupported method: eth_getBlockReceipts on BNB_MAINNET"),
    ],
)
def test_a_missing_method_is_recognised_by_its_error_code(code: int, message: str) -> None:
    assert is_unsupported(refused(code, message))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32000, "header not found"),
        (-32000, "header for hash not found"),
        (-32000, "block not found"),
        (-39001, "Unknown block"),
        (-32000, "finalized block not found"),
        (-32000, "the method is not available at present"),
        (-32001, "resource not found"),
        (-32002, "resource not available"),
        (-32004, "block is not available"),
        (-32005, "limit exceeded"),
        (-32600, "invalid request"),
        (None, "method not found"),
        (True, "not supported"),
    ],
)
def test_a_passing_refusal_is_no_missing_method(code: object, message: str) -> None:
    assert not is_unsupported(refused(code, message))


@pytest.mark.parametrize(
    ("code", "message", "status", "refusal"),
    [
        (3, "execution reverted: K", 200, Refusal.REVERTED),
        (-32000, "execution reverted", 400, Refusal.REVERTED),
        (-32000, "slow down", 429, Refusal.RATE_LIMITED),
        (-32005, "Too Many Requests", 200, Refusal.RATE_LIMITED),
        (-32003, "response too large", 200, Refusal.TOO_LARGE),
        (-32600, "batch too large", 200, Refusal.TOO_LARGE),
        (-32000, "header not found", 200, Refusal.OTHER),
    ],
)
def test_refusals(code: int, message: str, status: int, refusal: Refusal) -> None:
    assert refused(code, message, status=status).refusal is refusal


async def test_many_small_values_are_counted_before_they_are_built() -> None:
    body = b"[" + b"[]," * 5_000_000 + b"[]]"
    began = time.process_time()
    with pytest.raises(MonstrousAnswerError):
        await parse(body, bound("eth_getBlockReceipts"))
    assert time.process_time() - began < 0.5


async def test_a_long_answer_is_parsed_beside_the_loop() -> None:
    body = b"[" + b'"' + b"0" * 20_000_000 + b'"' + b"]"
    turns = 0
    parsing = asyncio.create_task(parse(body, Bound(30_000_000, 10)))
    while not parsing.done():
        turns += 1
        await asyncio.sleep(0)
    assert len((await parsing)[0]) == 20_000_000
    assert turns > 1


def test_a_header_is_bounded_more_tightly_than_a_whole_block() -> None:
    header, whole = (bound("eth_getBlockByNumber", ("latest", full)) for full in (False, True))
    assert header.size < whole.size
    assert bound("eth_chainId").size < header.size
