"""A strict receiver for our webhook: it checks what the guide tells receivers to check."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from dexwatch.demo.local.server import LoopbackServer, Reply, Request


@dataclass
class Receiver:
    """`async with Receiver(secret) as hook:` takes messages at `hook.url`.

    `received` holds each message once; `repeats` counts deliveries with a known idempotency key.
    `answers` spoils the next answers: a status, or None for a connection that breaks after the
    message was taken.
    """

    secret: str
    received: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answers: deque[int | None] = field(default_factory=deque)
    repeats: int = 0
    retry_after: str = "1"
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._server = LoopbackServer(self._answer, 0)
        self._keys: set[str] = set()
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        """Where to post."""
        return f"{self._server.url}/hook"

    async def wait(self, count: int, seconds: float = 5.0) -> list[dict[str, Any]]:
        """Return the messages as soon as there are `count`."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._server.__aexit__(*exception)

    async def _answer(self, request: Request) -> Reply:
        spoiled = self.answers.popleft() if self.answers else 200
        if spoiled not in (None, 200):
            headers = {"retry-after": self.retry_after, "location": "http://127.0.0.1:1/elsewhere"}
            return Reply(b"no", status=spoiled, kind="text/plain", headers=headers)
        wrong = self._wrong(request)
        if wrong:
            self.refused.append(wrong)
            return Reply(wrong.encode(), status=400, kind="text/plain")
        key = request.headers["idempotency-key"]
        if key in self._keys:
            self.repeats += 1
        else:
            self._keys.add(key)
            async with self._changed:
                self.received.append(json.loads(request.body))
                self._changed.notify_all()
        return Reply(b"ok", kind="text/plain", reset=spoiled is None)

    def _wrong(self, request: Request) -> str | None:
        if request.method != "POST" or request.path != "/hook":
            return "wrong method or path"
        if request.headers.get("content-type") != "application/json":
            return "wrong content type"
        stamp = request.headers.get("x-dexwatch-timestamp", "")
        if not stamp.isdecimal() or abs(self.clock() - int(stamp)) > 300:
            return "the timestamp is missing or old"
        signed = f"{stamp}.".encode() + request.body
        digest = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.headers.get("x-dexwatch-signature", ""), f"v1={digest}"):
            return "the signature is wrong"
        if len(request.headers.get("idempotency-key", "")) != 64:
            return "the idempotency key is missing"
        document = json.loads(request.body)
        if document.get("schema") != 2 or not {"kind", "event", "incident"} <= set(document):
            return "the document is not of schema 2"
        return None
