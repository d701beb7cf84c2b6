"""A call that is too much for a node even alone costs the others neither answers nor their size."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dexwatch.chain.batching.sizing import MAX_BATCH
from dexwatch.clients.http import SourceError
from tests.fakes.chain import FakeChain
from tests.fakes.echo import DOUBLINGS, HALVINGS, Answers, Clock, echoes, endpoint
from tests.fakes.node import FakeNode, RpcRefusal, running


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        found.answers["echo"] = lambda params: params[0]
        yield found


@pytest.mark.parametrize("guilty", [{0}, {7}, {0, 7}])
async def test_a_call_that_alone_is_too_much_keeps_no_other_from_being_asked(
    node: FakeNode, guilty: set[int]
) -> None:
    def refuse(params: list[Any]) -> Any:
        if params[0] in guilty:
            raise RpcRefusal(-32000, "execution gas limit exceeded")
        return params[0]

    node.answers["echo"] = refuse
    asked = endpoint(node)
    for _ in range(DOUBLINGS):
        found = await asked.batch(echoes(MAX_BATCH))
        good = {place for place, answer in enumerate(found) if answer == place}
        # A second one alone is held against the node.
        assert good >= set(range(max(guilty) if len(guilty) > 1 else MAX_BATCH)) - guilty
        assert node.exchanges <= MAX_BATCH + HALVINGS
        node.exchanges = 0


@pytest.mark.parametrize("guilty", [{0}, {7}, {49}, {0, 7}])
@pytest.mark.parametrize(
    "error",
    [(-32000, "execution gas limit exceeded"), (-32005, "limit exceeded"), (-32003, "too large")],
)
async def test_a_call_that_is_always_too_much_keeps_no_other_at_single_calls(
    node: FakeNode, guilty: set[int], error: tuple[int, str]
) -> None:
    def refuse(params: list[Any]) -> Any:
        if params[0] in guilty:
            raise RpcRefusal(*error)
        return params[0]

    node.answers["echo"] = refuse
    asked = endpoint(node)
    for _ in range(len(guilty)):
        await asked.batch(echoes(MAX_BATCH))
    assert asked.batch_size == MAX_BATCH
    node.exchanges = 0
    found = await asked.batch(echoes(MAX_BATCH))
    assert [answer for answer in found if not isinstance(answer, SourceError)] == [
        number for number in range(MAX_BATCH) if number not in guilty
    ]
    assert node.exchanges == 1 + len(guilty)
    assert asked.batch_size == MAX_BATCH


async def test_a_call_that_is_limited_whenever_it_comes_first_keeps_no_other_from_being_asked(
    node: FakeNode,
) -> None:
    limited = {"code": 429, "message": "compute units per second"}

    def bend(answers: Answers) -> tuple[int, object]:
        if all(isinstance(one.get("result"), int) for one in answers):
            return 200, answers
        return 200, [{"id": one["id"], "error": limited} for one in answers]

    def refuse(params: list[Any]) -> Any:
        if params[0] == 0:
            raise RpcRefusal(429, "compute units per second")
        return params[0]

    clock = Clock()
    node.bend, node.answers["echo"] = bend, refuse
    asked = endpoint(node, clock)
    for _ in range(2 + HALVINGS):
        # Too many requests are not made more, so that it takes one round for each halving.
        found = await asked.batch(echoes(MAX_BATCH))
        clock.now += 60
    assert isinstance(found[0], SourceError)
    assert found[1:] == list(range(1, MAX_BATCH))


async def test_a_call_that_is_no_longer_too_much_is_asked_with_the_others(node: FakeNode) -> None:
    def refuse(params: list[Any]) -> Any:
        if params[0] == 7:
            raise RpcRefusal(-32000, "execution gas limit exceeded")
        return params[0]

    node.answers["echo"] = refuse
    asked = endpoint(node)
    await asked.batch(echoes(MAX_BATCH))
    node.answers["echo"] = lambda params: params[0]
    await asked.batch(echoes(MAX_BATCH))
    node.exchanges = 0
    assert await asked.batch(echoes(MAX_BATCH)) == list(range(MAX_BATCH))
    assert node.exchanges == 1


async def test_the_limit_of_a_server_is_found_beside_a_call_that_is_too_much(
    node: FakeNode,
) -> None:
    def bend(answers: Answers) -> tuple[int, object]:
        return (200, answers) if len(answers) <= 10 else (413, b"")

    def refuse(params: list[Any]) -> Any:
        if params[0] == 7:
            raise RpcRefusal(-32000, "execution gas limit exceeded")
        return params[0]

    node.bend, node.answers["echo"] = bend, refuse
    asked = endpoint(node)
    for _ in range(2):
        await asked.batch(echoes(MAX_BATCH))
    assert 5 <= asked.batch_size <= 10
