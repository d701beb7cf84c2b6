"""What the answer to a batch says of each call, and of the batch itself.

Servers bound a batch in many ways: one error for all, the same error for each call, an HTTP status,
or answers for some of the calls only; so a call that was not answered for itself is asked again in
a smaller batch, down to a batch of one, whose answer holds.
"""

from typing import Any

from dexwatch.chain import answers
from dexwatch.chain.answers import RpcError
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import Outcome, SourceError


class BatchRefusedError(RpcError):
    """One error for a whole batch."""

    def __init__(self, error: RpcError) -> None:
        super().__init__(
            error.detail, code=error.code, refusal=error.refusal, retry_after=error.retry_after
        )


class UnansweredError(SourceError):
    """The answer to a batch left this call out, or answered it twice."""

    def __init__(self, *, twice: bool = False) -> None:
        how = "answered twice" if twice else "not answered"
        super().__init__(Outcome.MALFORMED, f"a call of a batch was {how}")
        self.twice = twice


def read(document: object, ids: list[int], status: int) -> list[Any]:
    """Return to each call its result or its own `SourceError`.

    Raises:
        BatchRefusedError: one error for all calls.
        SourceError: `malformed`: no answer to a batch.
    """
    if isinstance(document, dict) and len(ids) > 1:
        raise _refused_whole(document, status)
    # A gateway may answer a batch of one by a list of one.
    parts = document if isinstance(document, list) else [document]
    if len(ids) == 1:
        one = next(
            (part for part in parts if answers.request_id(part) == ids[0]),
            parts[0] if parts else None,
        )
        return [answers.result(one, ids[0], status=status)]
    if not isinstance(document, list):
        raise SourceError(Outcome.MALFORMED, "the answer to a batch is not a list")
    found: dict[int, Any] = {}
    for part in parts:
        number = answers.request_id(part)
        if number is not None:
            # Of two answers under one id, one may be another call's.
            found[number] = None if number in found else part
    if not found and parts and all(isinstance(part, dict) for part in parts):
        raise _refused_whole(parts[0], status)
    return [_result(found, number, status) for number in ids]


def _result(found: dict[int, Any], number: int, status: int) -> Any:  # noqa: ANN401
    part = found.get(number)
    if part is None:
        return UnansweredError(twice=number in found)
    return answers.result(part, number, status=status)


def _refused_whole(part: Any, status: int) -> SourceError:  # noqa: ANN401 - unchecked JSON.
    error = answers.refusal(part, status=status)
    return BatchRefusedError(error) if isinstance(error, RpcError) else error


def refused(found: list[Any]) -> set[int]:
    """Return the places of the calls that are to be asked again in a smaller batch."""
    if len(found) == 1 or any(map(_is_rate_limited, found)):
        return set()
    return {place for place, answer in enumerate(found) if _is_of_the_batch(answer)}


def is_too_much_alone(found: list[Any], *, rate: bool = True) -> bool:
    """Is a call refused as too much when it is asked alone, by its rate or, always, by its size?"""
    return len(found) == 1 and (_is_of_the_batch(found[0]) or (rate and _is_rate_limited(found[0])))


def is_limited_alone(found: list[Any]) -> bool:
    """Does a call alone exceed an unnamed limit, which then is not that of the batch?"""
    return len(found) == 1 and _is_limited(found[0])


def limit(found: list[Any], limited_alone: int) -> SourceError | None:
    """Return the error that asks for fewer calls; more of them now would make it worse.

    Of the calls so far so many were limited alone: one may be too much for itself, such as by its
    gas; two tell of a limit for all.
    """
    of_rate = (answer for answer in found if _is_rate_limited(answer))
    return next(of_rate, found[0] if limited_alone > 1 and is_limited_alone(found) else None)


def is_broken(found: list[Any]) -> bool:
    """Did the server fail, so that it is better left alone after some more?"""
    again = refused(found)
    others = [answer for place, answer in enumerate(found) if place not in again]
    nothing = all(isinstance(one, UnansweredError) and not one.twice for one in found)
    return nothing or any(map(_is_failure, others))


def alike(found: list[Any]) -> bool:
    """Are all calls refused in the same words, of which we do not know whether they passed?"""
    kinds = {(one.code, one.detail) if _is_unknown(one) else None for one in found}
    return len(kinds) == 1 and None not in kinds


def is_own(answer: object) -> bool:
    """Is it an answer to the call itself, not to the batch or to the rate of calls?"""
    if isinstance(answer, RpcError):
        return answer.refusal in (Refusal.REVERTED, Refusal.UNSUPPORTED)
    return not isinstance(answer, SourceError)


def _is_unknown(answer: object) -> bool:
    return isinstance(answer, RpcError) and answer.refusal is Refusal.OTHER


def _is_limited(answer: object) -> bool:
    return isinstance(answer, RpcError) and answer.refusal is Refusal.LIMITED


def _is_rate_limited(answer: object) -> bool:
    if isinstance(answer, RpcError):
        return answer.refusal is Refusal.RATE_LIMITED
    return _has_status(answer, 429)


def _is_of_the_batch(answer: object) -> bool:
    if isinstance(answer, RpcError):
        too_much = answer.refusal in (Refusal.TOO_LARGE, Refusal.LIMITED)
        return too_much or isinstance(answer, BatchRefusedError)
    return isinstance(answer, UnansweredError) or _has_status(answer, 400, 413)


def _has_status(answer: object, *statuses: int) -> bool:
    return (
        isinstance(answer, SourceError)
        and answer.outcome is Outcome.HTTP_ERROR
        and answer.code in statuses
    )


def _is_failure(answer: object) -> bool:
    if isinstance(answer, RpcError):
        return _is_rate_limited(answer)
    return isinstance(answer, SourceError)
