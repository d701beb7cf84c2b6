"""What the notifiers over HTTP have in common: a careful client, and what its failures mean."""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from dexwatch import backoff, clock
from dexwatch.clients.bounded_body import ACCEPTED, bounded_body
from dexwatch.clients.http import authorities
from dexwatch.clients.unreachable import why
from dexwatch.response.notifier import DeliveryResult

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_ANSWER_BYTES = 4_000_000


def client(url: str) -> httpx.AsyncClient:
    """Return a client that follows no redirect; the caller's own timeout bounds the whole."""
    # A proxy cannot reach this machine's loopback.
    trust_env = not _loopback(url)
    return httpx.AsyncClient(
        follow_redirects=False,
        trust_env=trust_env,
        verify=authorities(trust_env=trust_env),
        timeout=httpx.Timeout(15.0, connect=4.0),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
        headers={"User-Agent": "dexwatch"} | ACCEPTED,
    )


async def post(
    sender: httpx.AsyncClient,
    url: str,
    *,
    headers: Mapping[str, str],
    most_bytes: int = _ANSWER_BYTES,
    **body: Any,  # noqa: ANN401 - what httpx takes: content, data or json.
) -> httpx.Response:
    """Post and return the answer with its body, of which at most `most_bytes` are read.

    Raises:
        httpx.HTTPError: no connection, a broken one, or an answer that is too long.
    """
    request = sender.build_request("POST", url, headers=dict(headers), **body)
    response = await sender.send(request, stream=True)
    try:
        read = await bounded_body(response, most_bytes) if most_bytes else b""
    finally:
        await response.aclose()
    kept = {k: v for k, v in response.headers.items() if k in ("retry-after", "x-oauth-scopes")}
    return httpx.Response(response.status_code, headers=kept, content=read)


def failed(error: httpx.HTTPError) -> DeliveryResult:
    """Return what a transport failure means. Only its kind is told, never an address."""
    if isinstance(error, _NOT_SENT):
        return DeliveryResult.retryable(f"no connection to the receiver: {why(error)}")
    return DeliveryResult.unknown(f"the connection broke ({type(error).__name__})")


def refused(response: httpx.Response) -> DeliveryResult | None:
    """Return what a status other than 2xx means, or None for 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    said, wait = f"HTTP {status}", retry_after(response)
    if status == 429:
        return DeliveryResult.retryable(f"{said}: asked to slow down", retry_after=wait)
    if status in (408, 425) or (status == 503 and wait is not None):
        # Who says when to come back has not done anything yet (RFC 9110, section 10.2.3).
        return DeliveryResult.retryable(said, retry_after=wait)
    if status >= 500:
        # A server that failed may have failed after it took the message.
        return DeliveryResult.unknown(said)
    if 300 <= status < 400:
        return DeliveryResult.failed(
            f"{said}: redirects are not followed, configure the final address"
        )
    return DeliveryResult.failed(f"{said}: the receiver does not take it, check address and secret")


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that the receiver asked to wait, if it did."""
    return backoff.retry_after(response.headers.get("retry-after", ""), now=clock.now())


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
