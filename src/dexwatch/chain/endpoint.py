"""One JSON-RPC endpoint: calls and batches over HTTP, every answer classified, counted and timed.

Protocol: JSON-RPC 2.0 with Ethereum's error codes (EIP-1474).
An endpoint that fails again and again rests for a growing, bounded time, so that a dead one costs
neither time nor sockets; the first call after the rest tries it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from dexwatch import clock
from dexwatch.chain.config import EndpointConfig
from dexwatch.clients import http
from dexwatch.clients.http import HttpClient, Outcome, SourceError
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

LIMIT_BYTES = 16_000_000
"""The largest answer that is read; a full BSC block with its receipts has some 400 kB."""
MAX_BATCH = 50
_FAILURES_BEFORE_REST = 3
_REST_SECONDS = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Request:
    """A method and its parameters, as JSON values."""

    method: str
    params: Sequence[object] = ()


class Endpoint:
    """A node, asked over HTTP; `ws` is its WebSocket address, if it has one."""

    def __init__(
        self,
        config: EndpointConfig,
        series: Series,
        *,
        timeout_seconds: float = 3.0,
        limit_bytes: int = LIMIT_BYTES,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.name = config.name
        self.ws = config.ws.get_secret_value() if config.ws else None
        self._http = HttpClient(
            config.http.get_secret_value(), timeout_seconds=timeout_seconds, limit_bytes=limit_bytes
        )
        self._series = series
        self._now = monotonic
        self._ids = count(1)
        self._failures = 0
        self._rest_until = 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    @property
    def resting(self) -> bool:
        """Is it left alone for a moment after failures in a row?"""
        return self._now() < self._rest_until

    async def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON of a stranger.
        """Call a method and return its result, which may be null.

        Raises:
            SourceError: the endpoint refused, failed, rests, or answered nonsense.
        """
        (answer,) = await self.batch([Request(method, params)])
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def batch(self, requests: Sequence[Request]) -> list[Any]:
        """Call several methods in one exchange; an answer is a result or its own `SourceError`.

        A failure of the exchange as a whole is the answer to each request.
        """
        answers: list[Any] = []
        for start in range(0, len(requests), MAX_BATCH):
            answers.extend(await self._exchange(requests[start : start + MAX_BATCH]))
        return answers

    async def _exchange(self, requests: Sequence[Request]) -> list[Any]:
        if self.resting:
            error = SourceError(Outcome.CONNECTION, "resting after failures in a row")
            return [error] * len(requests)
        first = next(self._ids)
        ids = range(first, first + len(requests))
        for _ in requests[1:]:
            next(self._ids)
        began = self._now()
        try:
            answers = self._read(await self._post(requests, ids), ids)
        except SourceError as error:
            answers = [error] * len(requests)
        self._account(requests, answers, self._now() - began)
        return answers

    async def _post(self, requests: Sequence[Request], ids: range) -> object:
        calls = [
            {"jsonrpc": "2.0", "id": number, "method": request.method, "params": request.params}
            for number, request in zip(ids, requests, strict=True)
        ]
        body = orjson.dumps(calls[0] if len(calls) == 1 else calls)
        reply = await self._http.send("POST", content=body)
        if reply.status != 200:
            raise SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)
        return http.decode(reply.body)

    def _read(self, answer: object, ids: range) -> list[Any]:
        if len(ids) == 1:
            return [_result(answer, ids[0])]
        if isinstance(answer, dict):
            # A batch that is refused as a whole is answered by one error without an id.
            raise _error(answer)
        if not isinstance(answer, list):
            raise SourceError(Outcome.MALFORMED, "the answer to a batch is not a list")
        found = {
            part["id"]: part
            for part in answer
            if isinstance(part, dict) and type(part.get("id")) is int
        }
        return [_result(found.get(number), number) for number in ids]

    def _account(self, requests: Sequence[Request], answers: list[Any], seconds: float) -> None:
        broken = False
        for request, answer in zip(requests, answers, strict=True):
            outcome = answer.outcome if isinstance(answer, SourceError) else Outcome.OK
            broken = broken or outcome not in (Outcome.OK, Outcome.RPC_ERROR)
            name, method = self.name, request.method
            self._series.add(
                chain.endpoint_requests, endpoint=name, method=method, outcome=outcome.value
            )
            self._series.observe(
                chain.endpoint_request_seconds, seconds, endpoint=name, method=method
            )
        self._failures = self._failures + 1 if broken else 0
        if self._failures >= _FAILURES_BEFORE_REST:
            step = min(self._failures - _FAILURES_BEFORE_REST, len(_REST_SECONDS) - 1)
            self._rest_until = self._now() + _REST_SECONDS[step]


def is_unsupported(error: SourceError) -> bool:
    """Did the node say that it does not know the method?"""
    text = error.detail.lower()
    return error.outcome is Outcome.RPC_ERROR and (
        error.code in (-32601, -32004)
        or "not found" in text
        or "not supported" in text
        or "does not exist" in text
        or "not available" in text
    )


def _result(answer: object, number: int) -> Any:  # noqa: ANN401 - JSON of a stranger.
    if not isinstance(answer, dict):
        return SourceError(Outcome.MALFORMED, "a request was not answered by an object")
    if answer.get("error") is not None:
        return _error(answer)
    if answer.get("id") != number or isinstance(answer.get("id"), bool):
        return SourceError(Outcome.MALFORMED, "the answer has another id than the request")
    if "result" not in answer:
        return SourceError(Outcome.MALFORMED, "the answer has neither result nor error")
    return answer["result"]


def _error(answer: dict[str, Any]) -> SourceError:
    error = answer.get("error")
    if not isinstance(error, dict):
        return SourceError(Outcome.MALFORMED, "the answer's error is not an object")
    code, message = error.get("code"), error.get("message")
    known = code if isinstance(code, int) and not isinstance(code, bool) else None
    detail = str(message)[:300] if isinstance(message, str) else "no reason given"
    data = error.get("data")
    found = SourceError(Outcome.RPC_ERROR, detail, code=known)
    # A reverted call carries what the contract answered; whoever asked reads it.
    found.data = data if isinstance(data, str) and len(data) <= 20_000 else None
    return found
