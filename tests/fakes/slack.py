"""The sample's Slack, told to fail in the ways in which the real one fails, and asked what came."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dexwatch.demo.local.message import Message, Upload
from dexwatch.demo.local.server import Reply, Request
from dexwatch.demo.local.slack import CHANNELS, SCOPES, SlackFake
from dexwatch.demo.local.workspace import Workspace

_NEEDED_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.list": "channels:read",
    "conversations.info": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.join": "channels:join",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}


class Fault(StrEnum):
    """A way in which Slack fails."""

    RATE_LIMITED = "ratelimited"
    SERVER = "server"
    REFUSED = "refused"
    SLOW = "slow"
    RESET = "reset"
    HALF = "half"


@dataclass(frozen=True)
class Failure:
    """How a coming call fails."""

    fault: Fault
    error: str = "internal_error"
    """For REFUSED: the `error` of an answer with `ok: false`."""
    status: int = 503
    """For SERVER: the HTTP status."""
    seconds: float = 1.0
    """For RATE_LIMITED the value of Retry-After, for SLOW the delay."""
    accepted: bool = False
    """The call takes effect all the same, though the caller cannot know (SERVER, RESET, HALF)."""


class FailingSlack(SlackFake):
    """`fail(...)` makes the next calls fail; `calls` counts per method.

    The bot is no member of `closed_channels`; its token has `scopes` only.
    """

    def __init__(
        self,
        token: str = "xoxb-sample",
        *,
        closed_channels: Sequence[str] = (),
        scopes: Sequence[str] = SCOPES,
    ) -> None:
        super().__init__(0, token)
        self._scopes = tuple(scopes)
        self._workspace = Workspace(CHANNELS, closed_channels)
        self._failures: deque[tuple[Failure, str | None]] = deque(maxlen=10_000)
        self._changed = asyncio.Condition()
        self.calls: Counter[str] = Counter()

    @property
    def files(self) -> tuple[Upload, ...]:
        """The files that were uploaded, oldest first."""
        return tuple(self._workspace.files.values())

    def channel_id(self, name: str) -> str:
        """Return the id of a channel, given by name with or without the hash sign."""
        return self._workspace.channel_id(name)

    def fail(self, failure: Failure, *, times: int = 1, method: str | None = None) -> None:
        """Make the next `times` calls fail (of `method`, when given)."""
        self._failures.extend([(failure, method)] * times)

    async def wait(self, count: int = 1, seconds: float = 5.0) -> tuple[Message, ...]:
        """Return the messages as soon as there are `count`.

        Raises:
            TimeoutError: there were fewer after `seconds`.
        """
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= count)
        return self.messages

    async def _call(self, request: Request, method: str) -> Reply:
        self.calls[method] += 1
        failure = self._next_failure(method)
        if failure is None:
            return await self._perform(request, method)
        if failure.fault is Fault.SLOW:
            return replace(await self._perform(request, method), after=failure.seconds)
        hidden = self._json({"ok": True, "channel": "C0", "ts": "0.0", "message": {}})
        if failure.accepted:
            hidden = await self._perform(request, method)
        match failure.fault:
            case Fault.RATE_LIMITED:
                wait = {"retry-after": str(max(1, round(failure.seconds)))}
                body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
                return Reply(body, status=429, kind="application/json", headers=wait)
            case Fault.SERVER:
                return Reply(b"upstream faults", status=failure.status, kind="text/plain")
            case Fault.HALF:
                return replace(hidden, cut=len(hidden.body) // 2)
            case Fault.RESET:
                return replace(hidden, reset=True)
        return self._json({"ok": False, "error": failure.error})

    async def _perform(self, request: Request, method: str) -> Reply:
        needed = _NEEDED_SCOPES.get(method)
        if needed is not None and needed not in self._scopes:
            provided = ",".join(self._scopes)
            refusal = {"error": "missing_scope", "needed": needed, "provided": provided}
            return self._json({"ok": False, **refusal})
        reply = await super()._call(request, method)
        async with self._changed:
            self._changed.notify_all()
        return reply

    def _next_failure(self, method: str) -> Failure | None:
        for position, (failure, only) in enumerate(self._failures):
            if only is None or only == method:
                del self._failures[position]
                return failure
        return None
