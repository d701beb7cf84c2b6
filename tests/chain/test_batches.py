"""Whatever a server makes of a batch, each call is answered, in a bounded number of exchanges."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.chain.answers import RpcError
from dexwatch.chain.batching import batches
from dexwatch.chain.batching.sizing import MAX_BATCH
from dexwatch.clients.http import Outcome, SourceError
from tests.fakes.chain import FakeChain
from tests.fakes.echo import DOUBLINGS, HALVINGS, Answers, Clock, echoes, endpoint
from tests.fakes.node import FakeNode, RpcRefusal, running


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        found.answers["echo"] = lambda params: params[0]
        yield found


def each(error: dict[str, Any], *, most: int, status: int = 200) -> Callable[[Answers], Any]:
    """Refuse a longer batch by an error for each of its calls."""

    def bend(answers: Answers) -> tuple[int, object]:
        if len(answers) <= most:
            return 200, answers
        return status, [{"jsonrpc": "2.0", "id": one["id"], "error": error} for one in answers]

    return bend


def whole(status: int, body: object, *, most: int) -> Callable[[Answers], Any]:
    """Refuse a longer batch by one answer."""
    return lambda answers: (200, answers) if len(answers) <= most else (status, body)


DRPC = {"code": 31, "message": "Batch of more than 3 requests are not allowed on free tier"}


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize(
    "bend",
    [
        lambda most: each(DRPC, most=most),
        lambda most: each(DRPC, most=most, status=500),
        lambda most: each({"code": -32000, "message": "batch limit exceeded"}, most=most),
        lambda most: each({"code": -32600, "message": "batch too large"}, most=most),
        lambda most: each({"code": -32005, "message": "limit exceeded"}, most=most),
        lambda most: each({"code": -32005, "message": ""}, most=most),
        lambda most: each({"code": -32600, "message": "too much for one go"}, most=most),
        lambda most: each({"code": -32601, "message": "batches are not supported"}, most=most),
        lambda most: whole(200, {"error": {"code": -32600, "message": "no"}}, most=most),
        lambda most: whole(200, {"code": -32600, "message": "no"}, most=most),
        lambda most: whole(400, b"<html>Bad Request</html>", most=most),
        lambda most: whole(413, b"<html>Request Entity Too Large</html>", most=most),
        lambda most: whole(413, {"error": {"code": 413, "message": "no"}}, most=most),
        lambda most: whole(200, [{"id": None, "error": {"code": 1, "message": "no"}}], most=most),
    ],
)
async def test_a_limit_of_the_batch_halves_it_and_loses_nothing(
    node: FakeNode, bend: Callable[[int], Any], most: int
) -> None:
    node.bend = bend(most)
    asked = endpoint(node)
    assert await asked.batch(echoes(40)) == list(range(40))
    assert asked.batch_size <= most
    assert not asked.resting
    # One more where it is asked whether one call alone is refused as well.
    assert node.exchanges <= 40 / asked.batch_size + 2 * HALVINGS
    assert not asked.lacks("echo")


@pytest.mark.parametrize(
    "bend",
    [
        lambda answers: answers[:1],
        lambda answers: answers[:7],
        lambda answers: answers[::2],
        lambda answers: answers[::-1][3:],
        lambda answers: [*answers, *answers],
        lambda answers: [{**one, "id": answers[0]["id"]} for one in answers],
        lambda answers: [*answers, {**answers[0], "result": "other"}],
        lambda answers: [{**answers[0], "id": 10**9}, *answers],
        lambda answers: [None, 3, "x", [], *answers],
    ],
)
async def test_answers_that_are_missing_double_or_foreign_lose_nothing(
    node: FakeNode, bend: Callable[[Answers], Answers]
) -> None:
    node.bend = lambda answers: (200, bend(answers))
    asked = endpoint(node)
    assert await asked.batch(echoes(40)) == list(range(40))
    assert not asked.resting
    assert node.exchanges <= 40 + HALVINGS


@pytest.mark.parametrize(
    "bend", [lambda _: [], lambda answers: [{**one, "id": one["id"] + 10**6} for one in answers]]
)
async def test_a_server_that_answers_no_call_of_a_batch_is_left_alone_soon(
    node: FakeNode, bend: Callable[[Answers], Answers]
) -> None:
    clock = Clock()
    node.bend = lambda answers: (200, bend(answers))
    asked = endpoint(node, clock)
    found = await asked.batch(echoes(40))
    assert all(isinstance(answer, SourceError) for answer in found)
    assert asked.resting
    assert node.exchanges == 3
    for _ in range(HALVINGS):
        clock.now += 5
        found = await asked.batch(echoes(40))
    assert found == list(range(40))


@pytest.mark.parametrize(
    "bend",
    [
        whole(429, b"<html>Too Many Requests</html>", most=1),
        whole(429, {"error": {"code": 31, "message": "at most 1 calls in a batch"}}, most=1),
        each({"code": -32016, "message": "over rate limit"}, most=1),
        each({"code": 429, "message": "compute units per second"}, most=1),
    ],
)
async def test_a_rate_limit_for_the_batch_only_makes_the_next_ones_smaller(
    node: FakeNode, bend: Callable[[Answers], Any]
) -> None:
    clock = Clock()
    node.bend = bend
    asked = endpoint(node, clock)
    for tries in range(1, HALVINGS + 1):
        # Too many requests are not made more.
        found = await asked.batch(echoes(MAX_BATCH))
        assert all(isinstance(answer, SourceError) for answer in found)
        assert node.exchanges == tries
        clock.now += 5
    assert await asked.batch(echoes(MAX_BATCH)) == list(range(MAX_BATCH))
    node.bend = None
    for _ in range(DOUBLINGS):
        clock.now += 4_000
        await asked.batch(echoes(MAX_BATCH))
    assert asked.batch_size == MAX_BATCH


async def test_a_limit_that_holds_for_single_calls_too_is_not_tried_for_each(
    node: FakeNode,
) -> None:
    def refuse(_params: list[Any]) -> Any:
        raise RpcRefusal(-32005, "limit exceeded")

    node.answers["echo"] = refuse
    found = await endpoint(node).batch(echoes(40))
    assert all(isinstance(answer, RpcError) for answer in found)
    assert node.exchanges <= HALVINGS + 2


async def test_what_was_answered_beside_a_rate_limit_is_kept(node: FakeNode) -> None:
    def refuse(params: list[Any]) -> Any:
        if params[0] == 3:
            raise RpcRefusal(429, "compute units per second")
        return params[0]

    node.answers["echo"] = refuse
    asked = endpoint(node)
    found = await asked.batch(echoes(5))
    assert [answer for answer in found if not isinstance(answer, SourceError)] == [0, 1, 2, 4]
    assert asked.batch_size == MAX_BATCH


async def test_calls_that_all_fail_alike_do_not_blame_the_batch(node: FakeNode) -> None:
    def refuse(_params: list[Any]) -> Any:
        raise RpcRefusal(-32000, "header not found")

    node.answers["echo"] = refuse
    asked = endpoint(node)
    found = await asked.batch(echoes(40))
    assert {answer.detail for answer in found} == {"header not found"}
    assert asked.batch_size == MAX_BATCH
    assert node.exchanges == 2


async def test_a_batch_is_not_blamed_by_a_call_that_failed_otherwise(node: FakeNode) -> None:
    def refuse(_params: list[Any]) -> Any:
        raise RpcRefusal(-32000, f"header not found, request {min(node.exchanges, 2)}")

    node.answers["echo"] = refuse
    asked = endpoint(node)
    found = await asked.batch(echoes(40))
    assert {answer.detail for answer in found} == {"header not found, request 1"}
    assert asked.batch_size == MAX_BATCH


async def test_reverts_do_not_blame_the_batch(node: FakeNode) -> None:
    def refuse(_params: list[Any]) -> Any:
        raise RpcRefusal(-32003, "EVM error: InvalidFEOpcode")

    node.answers["echo"] = refuse
    asked = endpoint(node)
    await asked.batch(echoes(10))
    assert asked.batch_size == MAX_BATCH
    assert node.exchanges == 1


async def test_a_batch_grows_again_from_single_calls(node: FakeNode) -> None:
    clock = Clock()
    node.bend = whole(413, b"", most=1)
    asked = endpoint(node, clock)
    await asked.batch(echoes(5))
    assert asked.batch_size == 1
    node.bend = None
    for _ in range(DOUBLINGS):
        clock.now += 4_000
        assert await asked.batch(echoes(MAX_BATCH)) == list(range(MAX_BATCH))
    assert asked.batch_size == MAX_BATCH


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "id", "error"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "error", "result", "code", "message"]), inner)
    ),
    max_leaves=10,
)


@given(document=JSON, count=st.integers(1, 3), status=st.sampled_from([200, 400, 413, 429, 500]))
def test_any_document_is_an_answer_to_each_call_or_one_error(
    document: object, count: int, status: int
) -> None:
    try:
        found = batches.read(document, list(range(count)), status)
    except SourceError as error:
        found = [error] * count
    assert len(found) == count
    assert batches.refused(found) <= set(range(count))
    batches.limit(found, 0)


def test_deep_answers_under_one_id_are_not_compared() -> None:
    deep = orjson.loads(b"[" * 1_000 + b"]" * 1_000)
    found = batches.read([{"id": 1, "result": deep}, {"id": 1, "result": deep}], [1, 2], 200)
    assert all(answer.outcome is Outcome.MALFORMED for answer in found)
