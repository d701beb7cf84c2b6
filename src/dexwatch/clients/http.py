"""One bounded HTTP exchange: status and body, or a `SourceError` with one word for what failed."""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import httpx
import orjson

from dexwatch import backoff, clock
from dexwatch.bounded_file import read_file
from dexwatch.clients.access import Access
from dexwatch.clients.bounded_body import ACCEPTED, BodyTooLongError, bounded_body
from dexwatch.clients.lanes import Lanes
from dexwatch.clients.redaction import Redaction
from dexwatch.clients.unreachable import why

_T = TypeVar("_T")
_AUTHORITY_BYTES_MAX = 1_000_000


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

    retry_after: float | None = None
    """Seconds that the source asked us to wait, where it did."""

    def __init__(self, outcome: Outcome, detail: str, *, code: int | None = None) -> None:
        super().__init__(f"{outcome.value}: {detail}")
        self.outcome = outcome
        self.detail = detail
        self.code = code
        """The HTTP status or JSON-RPC error code, where there is one."""


class AnswerTooLargeError(SourceError):
    """An answer above the bound; nothing of it is used."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(Outcome.MALFORMED, f"the answer is above {limit_bytes} bytes")


@dataclass(frozen=True)
class Reply:
    """A complete answer: HTTP status and body, at most as long as the client's bound."""

    status: int
    body: bytes
    location: str = ""
    """Where a redirect leads, without our secrets; it is not followed."""
    retry_after: float | None = None
    """Seconds that the peer asks us to wait."""


class HttpClient:
    """A pool of connections to one base address with bounds on time and size of each answer.

    The address is used exactly as given, its query included, and a redirect is an answer like any
    other: it is never followed, since what stands behind it was not configured.
    """

    LIMIT_BYTES: ClassVar[int] = 8_000_000
    """The bound on an answer where none is given."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 5.0,
        limit_bytes: int | None = None,
        access: Access | None = None,
        connections: int = 8,
    ) -> None:
        access = access or Access()
        own = {"authorization": access.header} if access.header else {}
        self._timeout = timeout_seconds
        self._limit = self.LIMIT_BYTES if limit_bytes is None else limit_bytes
        # Not httpx's base_url: that adds a slash, and providers refuse `/v1/KEY/`.
        self._base_url = base_url
        self.redact = Redaction(base_url, secrets=tuple(access.secrets))
        self._client = httpx.AsyncClient(
            headers=ACCEPTED | own,
            timeout=httpx.Timeout(timeout_seconds),
            # A proxy from the environment must not see, or break, what stays on this machine.
            trust_env=False,
            follow_redirects=False,
            transport=Lanes(functools.partial(_lane, _trusted(access)), most=connections),
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
        limit_bytes: int | None = None,
    ) -> Reply:
        """Send a request and read the whole answer; `path` is below the base address.

        `limit_bytes` bounds this answer more tightly than the client's own bound.

        Raises:
            SourceError: no connection, no answer in time, or an answer above the bound.
        """
        headers = {"content-type": "application/json"} if content is not None else None
        limit = self._limit if limit_bytes is None else min(limit_bytes, self._limit)
        try:
            url = _below(self._base_url, path)
            async with asyncio.timeout(self._timeout):
                async with self._client.stream(
                    method, url, params=params, content=content, headers=headers
                ) as response:
                    body = await bounded_body(response, limit)
                    return self._reply(response, body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceError(Outcome.TIMEOUT, f"no answer in {self._timeout:g} s") from error
        except BodyTooLongError as error:
            raise AnswerTooLargeError(limit) from error
        except httpx.DecodingError as error:
            raise SourceError(Outcome.MALFORMED, "the answer's encoding is broken") from error
        except httpx.RemoteProtocolError as error:
            if "without sending a response" in str(error):
                # A kept connection that the peer closed, as when it was started anew.
                raise SourceError(Outcome.CONNECTION, "hung up before answering") from error
            raise SourceError(Outcome.MALFORMED, "the answer was cut off") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SourceError(Outcome.CONNECTION, why(error)) from error

    def _reply(self, response: httpx.Response, body: bytes) -> Reply:
        now, headers = clock.now(), response.headers
        return Reply(
            response.status_code,
            body,
            # It repeats most of the address that was asked; what is cut is no longer recognised.
            location=self.redact.text(headers.get("location", ""))[:500],
            retry_after=backoff.retry_after(headers.get("retry-after", ""), now=now),
        )


class MonitoringClient(HttpClient):
    """What the typed clients of Prometheus and Alertmanager share; close it, or use it as context.

    Every method raises `SourceError`.
    """

    async def ready(self) -> bool:
        """Does it take requests already?"""
        try:
            return (await self.send("GET", "/-/ready")).status == 200
        except SourceError:
            return False


def _lane(trusted: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        verify=trusted,
        trust_env=False,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
    )


def _below(base_url: str, path: str) -> str:
    if not path:
        return base_url
    base, mark, query = base_url.partition("?")
    return f"{base.rstrip('/')}/{path.lstrip('/')}{mark}{query}"


@functools.cache
def authorities(*, trust_env: bool = False) -> ssl.SSLContext:
    """Return the public authorities, read once: reading takes a client 25 ms of processor.

    With `trust_env` those that SSL_CERT_FILE or SSL_CERT_DIR name, where they are set.
    """
    return httpx.create_ssl_context(trust_env=trust_env)


def _trusted(access: Access) -> ssl.SSLContext:
    if access.ca_file is None:
        return authorities()
    try:
        read = read_file(access.ca_file, _AUTHORITY_BYTES_MAX).decode("ascii", "ignore")
        # No text at all would stand for the authorities of the system.
        return ssl.create_default_context(cadata=read or "\n")
    except OSError as error:  # Certificates that are none raise one, too.
        raise SourceError(
            Outcome.CONNECTION,
            f"the authority {access.ca_file} cannot be read ({error.strerror}): "
            "correct `ca_file` to a file of certificates (PEM)",
        ) from None


def decode(body: bytes) -> Any:  # noqa: ANN401 - unchecked JSON; callers check each field.
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
