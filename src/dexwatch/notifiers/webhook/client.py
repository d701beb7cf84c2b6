"""Messages as signed JSON to the operator's own programs, as docs/guides/webhook.md says."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import httpx
import orjson

from dexwatch.incidents.notice import Notice
from dexwatch.notifiers import http
from dexwatch.notifiers.webhook.config import WebhookConfig
from dexwatch.notifiers.webhook.render import document
from dexwatch.response.notifier import DeliveryResult, LookupResult


class WebhookNotifier:
    """Posts each message once for each attempt, always with the same idempotency key."""

    name = "webhook"
    parallel = 4
    shared_limit = False
    only_state_changes = False
    shows_chart = False
    attempt_seconds: float | None = None
    idempotent = True

    def __init__(self, hooks: Sequence[WebhookConfig]) -> None:
        self._received = {hook.name: hook for hook in hooks}
        self._clients = {hook.name: http.client(hook.url) for hook in hooks}

    async def start(self) -> None:
        """Do nothing: connections are made when they are needed."""

    async def send(self, notice: Notice) -> DeliveryResult:
        """Post the message to the webhook that `notice.recipient` names."""
        hook = self._received.get(notice.recipient)
        if hook is None:
            return DeliveryResult.failed(f"no webhook {notice.recipient} is configured any more")
        body = orjson.dumps(document(notice))
        headers = signed(body, hook.secret.get_secret_value(), notice.sent_at)
        headers["Content-Type"] = "application/json"
        headers["Idempotency-Key"] = hashlib.sha256(notice.key.encode()).hexdigest()
        try:
            # The answer's body is not read: a receiver may not make us wait for it.
            response = await http.post(
                self._clients[hook.name], hook.url, headers=headers, most_bytes=0, content=body
            )
        except httpx.HTTPError as error:
            return http.failed(error)
        return http.refused(response) or DeliveryResult.delivered(f"HTTP {response.status_code}")

    async def lookup(self, notice: Notice) -> LookupResult:  # noqa: ARG002 - the same for every message.
        """Say that it cannot be known; the receiver recognises a repeat by its key."""
        return LookupResult(None)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Return the headers that prove origin and time: HMAC-SHA256 over `timestamp.body`."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "X-Dexwatch-Timestamp": timestamp,
        "X-Dexwatch-Signature": f"v1={digest.hexdigest()}",
    }
