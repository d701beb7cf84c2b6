"""One bounded HTTP exchange: status and body, or a `SourceError` with one word for what failed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson

_T = TypeVar("_T")


class Outcome(StrEnum):
    """How an exchange ended; the words are the `outcome` label of `bsc_endpoint_requests_total`."""

    OK = "ok"
    RPC_ERROR = "rpc_error"
    """The peer answered properly and refused: the request is at fault, or there are too many."""
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    MALFORMED = "malformed"
    """The answer is not what the protocol promises: null, wrong types, cut off, or too large."""


class SourceError(Exception):
    """A source did not give a usable answer; the text may be shown to an operator."""

    def __init__(self, outcome: Outcome, detail: str, *, code: int | None = None) -> None:
        super().__init__(f"{outcome.value}: {detail}")
        self.outcome = outcome
        self.detail = detail
        self.code = code
        """The HTTP status or JSON-RPC error code, where there is one."""
        self.data: str | None = None
        """What a reverted contract call answered, in hexadecimal."""


@dataclass(frozen=True)
class Reply:
    """A complete answer: HTTP status and body, at most as long as the client's bound."""

    status: int
    body: bytes


class HttpClient:
    """A pool of connections to one base address with bounds on time and size of each answer."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 5.0,
        limit_bytes: int = 8_000_000,
        headers: Mapping[str, str] | None = None,
        connections: int = 8,
    ) -> None:
        self._timeout = timeout_seconds
        self._limit = limit_bytes
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(timeout_seconds),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # A proxy from the environment must not see, or break, what stays on this machine.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the client is of no use afterwards."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send a request and read the whole answer.

        Raises:
            SourceError: no connection, no answer in time, or an answer above the bound.
        """
        headers = {"content-type": "application/json"} if content is not None else None
        try:
            async with asyncio.timeout(self._timeout):
                async with self._client.stream(
                    method, path, params=params, content=content, headers=headers
                ) as response:
                    return Reply(response.status_code, await self._body(response))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceError(Outcome.TIMEOUT, f"no answer in {self._timeout:g} s") from error
        except httpx.DecodingError as error:
            raise SourceError(Outcome.MALFORMED, "the answer's encoding is broken") from error
        except httpx.RemoteProtocolError as error:
            if "without sending a response" in str(error):
                # A kept connection that the peer closed, as when it was started anew.
                raise SourceError(Outcome.CONNECTION, "hung up before answering") from error
            raise SourceError(Outcome.MALFORMED, "the answer was cut off") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SourceError(Outcome.CONNECTION, type(error).__name__) from error

    async def _body(self, response: httpx.Response) -> bytes:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit:
            raise SourceError(Outcome.MALFORMED, f"the answer is above {self._limit} bytes")
        parts: list[bytes] = []
        length = 0
        async for part in response.aiter_bytes():
            length += len(part)
            if length > self._limit:
                raise SourceError(Outcome.MALFORMED, f"the answer is above {self._limit} bytes")
            parts.append(part)
        return b"".join(parts)


def decode(body: bytes) -> Any:  # noqa: ANN401 - JSON of a stranger; callers check each field.
    """Parse JSON.

    Raises:
        SourceError: the text is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError(Outcome.MALFORMED, "the answer is not JSON") from error


def field(record: object, name: str, kind: type[_T]) -> _T:
    """Return `record[name]`, which must be of the given JSON kind.

    Raises:
        SourceError: the record is no object, the field is missing, or it is of another kind.
    """
    value = record.get(name) if isinstance(record, dict) else None
    if isinstance(value, kind) and not (kind is not bool and isinstance(value, bool)):
        return value
    raise SourceError(Outcome.MALFORMED, f"field {name!r} is missing or not a {kind.__name__}")
