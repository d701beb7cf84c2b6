"""One JSON-RPC endpoint: calls and batches over HTTP, every answer classified, counted and timed.

Protocol: JSON-RPC 2.0 with Ethereum's error codes (EIP-1474).
An endpoint that fails again and again rests for a growing, bounded time, so that a dead one costs
neither time nor sockets; the first call after the rest tries it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import orjson

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures
from dexwatch.chain import answers
from dexwatch.chain.answers import Bound, MonstrousAnswerError
from dexwatch.chain.batching import batches
from dexwatch.chain.batching.batches import BatchRefusedError
from dexwatch.chain.batching.sizing import MAX_BATCH, Batching
from dexwatch.chain.config import EndpointConfig
from dexwatch.clients.http import AnswerTooLargeError, HttpClient, Outcome, Reply, SourceError
from dexwatch.clients.redaction import Redaction
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_FAILURES_BEFORE_REST = 3
_REST = Backoff(first=0.5, most=4.0)
_MONSTROUS_REST = Backoff(first=10.0, most=600.0)
_FORGIVEN_SECONDS = 3600.0
_PROBE_AGAIN_SECONDS = 3600.0
"""A method that the node did not have is tried again so late: nodes are updated and replaced."""


@dataclass(frozen=True, slots=True)
class Request:
    """A method and its parameters, as JSON values."""

    method: str
    params: Sequence[object] = ()

    @property
    def key(self) -> bytes:
        """The method and what it is about: a view is the same call at each block."""
        return self.method.encode() + orjson.dumps(self.params[:1])


class Endpoint:
    """A node, asked over HTTP; `ws` is its WebSocket address, if it has one."""

    def __init__(
        self,
        config: EndpointConfig,
        series: Series,
        *,
        timeout_seconds: float = 3.0,
        limit_bytes: int = answers.MONSTROUS_BYTES,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.name = config.name
        self.ws = config.ws.get_secret_value() if config.ws else None
        http = config.http.get_secret_value()
        self._http = HttpClient(http, timeout_seconds=timeout_seconds, limit_bytes=limit_bytes)
        self.redact = Redaction(http, self.ws or "")
        """Takes the secrets of its addresses out of what it says."""
        self._series = series
        self._now = monotonic
        self._ids = count(1)
        self._failures = 0
        self._monstrous = Failures(_MONSTROUS_REST, key=f"monstrous {self.name}")
        self._rest_until = 0.0
        self._batching = Batching(key=self.name, monotonic=monotonic)
        self._lacking: dict[str, float] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    @property
    def resting(self) -> bool:
        """Is it left alone for a moment after failures in a row?"""
        return self._now() < self._rest_until

    @property
    def batch_size(self) -> int:
        """How many calls it takes in one exchange, as far as we know."""
        return self._batching.size

    def lacks(self, feature: str) -> bool:
        """Did it say within the last hour that it does not have a method or feature?"""
        return self._now() < self._lacking.get(feature, 0.0)

    def set_lacking(self, feature: str) -> None:
        """Note that it does not have a feature; this holds for an hour."""
        self._lacking[feature] = self._now() + _PROBE_AGAIN_SECONDS

    async def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - unchecked JSON.
        """Call a method and return its result, which may be null.

        Raises:
            RpcError: the endpoint answered and refused.
            SourceError: it failed, rests, or answered nonsense.
        """
        (answer,) = await self.batch([Request(method, params)])
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def batch(self, requests: Sequence[Request]) -> list[Any]:
        """Call several methods in one exchange; an answer is a result or its own `SourceError`.

        A failure of the exchange as a whole is the answer to each request.
        """

        async def ask(places: list[int]) -> list[Any]:
            return await self._exchange([requests[place] for place in places])

        return await self._batching.answers([one.key for one in requests], ask)

    async def _exchange(self, requests: Sequence[Request]) -> list[Any]:
        if self.resting:
            return [resting()] * len(requests)
        ids = [next(self._ids) for _ in requests]
        most = answers.together(answers.bound(one.method, one.params) for one in requests)
        began = self._now()
        try:
            found = await self._post(requests, ids, most)
        except SourceError as error:
            found = [error] * len(requests)
        self._account(requests, found, self._now() - began)
        return found

    async def _post(self, requests: Sequence[Request], ids: list[int], most: Bound) -> list[Any]:
        calls = [
            {"jsonrpc": "2.0", "id": number, "method": request.method, "params": request.params}
            for number, request in zip(ids, requests, strict=True)
        ]
        body = orjson.dumps(calls[0] if len(calls) == 1 else calls)
        try:
            reply = await self._http.send("POST", content=body, limit_bytes=most.size)
        except AnswerTooLargeError as error:
            raise MonstrousAnswerError(error.detail) from error
        # A provider may repeat the address that was asked, in which the key is.
        reply = replace(reply, body=self.redact(reply.body))
        if reply.status >= 400 and reply.retry_after is not None:
            # Without it, one call above the rate keeps no block waiting; some in a row do.
            self._rest_for(_REST.delay(1, key=self.name, retry_after=reply.retry_after))
        document = await _document(reply, most)
        answers.reword(document, self.redact.text)
        return batches.read(document, ids, reply.status)

    def _account(self, requests: Sequence[Request], found: list[Any], seconds: float) -> None:
        name = self.name
        for request, answer in zip(requests, found, strict=True):
            outcome = answer.outcome if isinstance(answer, SourceError) else Outcome.OK
            method = request.method
            if answers.is_unsupported(answer) and not isinstance(answer, BatchRefusedError):
                self.set_lacking(method)
            elif outcome is Outcome.OK:
                self._lacking.pop(method, None)
            self._series.add(
                chain.endpoint_requests, endpoint=name, method=method, outcome=outcome.value
            )
            self._series.observe(
                chain.endpoint_request_seconds, seconds, endpoint=name, method=method
            )
        asked = zip(requests, found, strict=True)
        self._rest([answer for request, answer in asked if not _is_wide(request, answer)])

    def _rest(self, found: list[Any]) -> None:
        if not found:
            return
        waits = [one.retry_after for one in found if isinstance(one, SourceError)]
        if asked := [wait for wait in waits if wait is not None]:
            self._rest_for(_REST.delay(1, key=self.name, retry_after=max(asked)))
        if any(isinstance(answer, MonstrousAnswerError) for answer in found):
            self._rest_for(self._monstrous.failed())
        elif not batches.is_broken(found):
            self._failures = 0
            if self._now() - self._rest_until > _FORGIVEN_SECONDS:
                self._monstrous.succeeded()
        else:
            self._failures += 1
            extra = self._failures - _FAILURES_BEFORE_REST
            if extra >= 0:
                self._rest_for(_REST.delay(extra + 1, key=self.name))

    def _rest_for(self, seconds: float) -> None:
        # What the server asked for, or a longer rest, is not cut short.
        self._rest_until = max(self._rest_until, self._now() + seconds)


def resting() -> SourceError:
    """Return the answer of an endpoint that is left alone for a moment."""
    return SourceError(Outcome.CONNECTION, "resting: it failed in a row, or asked us to wait")


def _is_wide(request: Request, answer: object) -> bool:
    """An honest node may have more logs than we read at once: who asks narrows the span."""
    return request.method == "eth_getLogs" and isinstance(answer, MonstrousAnswerError)


async def _document(reply: Reply, most: Bound) -> object:
    try:
        document = await answers.parse(reply.body, most)
    except MonstrousAnswerError:
        raise
    except SourceError as error:
        if reply.status == 200:
            raise
        raise _http_error(reply) from error
    # Some gateways put JSON-RPC errors under a status of their own; nothing else is read there.
    if reply.status != 200 and not _holds_error(document):
        raise _http_error(reply)
    return document


def _http_error(reply: Reply) -> SourceError:
    return SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)


def _holds_error(document: object) -> bool:
    if isinstance(document, list):
        return any(map(_holds_error, document[:MAX_BATCH]))
    return isinstance(document, dict) and isinstance(document.get("error"), dict)
