"""Answers are bounded before they are built."""

import asyncio
import time

import pytest

from dexwatch.chain.answers import Bound, MonstrousAnswerError, bound, parse


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
