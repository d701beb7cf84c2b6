"""What the notifiers over HTTP have in common: a careful client, and what its failures mean."""

import ipaddress
from urllib.parse import urlsplit

import httpx

from dexwatch.response.notifier import DeliveryResult

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LONGEST_WAIT = 3600.0


def client(url: str) -> httpx.AsyncClient:
    """Return a client that follows no redirect; the caller's own timeout bounds the whole."""
    return httpx.AsyncClient(
        follow_redirects=False,
        # A proxy cannot reach this machine's loopback.
        trust_env=not _loopback(url),
        timeout=httpx.Timeout(15.0, connect=4.0),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
        headers={"User-Agent": "dexwatch"},
    )


def failed(error: httpx.HTTPError) -> DeliveryResult:
    """Return what a transport failure means. Only its kind is told, never an address."""
    kind = type(error).__name__
    if isinstance(error, _NOT_SENT):
        return DeliveryResult.retryable(f"no connection ({kind})")
    return DeliveryResult.unknown(f"the connection broke ({kind})")


def refused(response: httpx.Response) -> DeliveryResult | None:
    """Return what a status other than 2xx means, or None for 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    said = f"HTTP {status}"
    if status == 429:
        return DeliveryResult.retryable(
            f"{said}: asked to slow down", retry_after=retry_after(response)
        )
    if status in (408, 425):
        return DeliveryResult.retryable(said)
    if status >= 500:
        # A server that failed may have failed after it took the message.
        return DeliveryResult.unknown(said)
    if 300 <= status < 400:
        return DeliveryResult.failed(
            f"{said}: redirects are not followed, configure the final address"
        )
    return DeliveryResult.failed(f"{said}: the receiver does not take it, check address and secret")


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that the receiver asked for; dates and nonsense count as nothing."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, _LONGEST_WAIT) if seconds >= 0 else None


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
