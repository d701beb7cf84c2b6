"""A strict stand-in for Slack's Web API, for the sample and for tests of the Slack notifier.

It refuses what the real one refuses (tokens, shapes, Block Kit limits) and can be told to fail in
the ways in which the real one fails; it never accepts a request that Slack would not accept.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl

from dexwatch.demo.local import channel_page
from dexwatch.demo.local.message import Message, Refusal, Upload
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.demo.local.workspace import Workspace

SCOPES = ("chat:write", "channels:read", "channels:history", "channels:join", "files:write")
_FORM = "application/x-www-form-urlencoded"
_FORM_ONLY = frozenset(
    {
        "conversations.history",
        "conversations.info",
        "conversations.list",
        "conversations.replies",
        "files.getUploadURLExternal",
    }
)
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


class SlackFake(LoopbackServer):
    """`async with SlackFake(port, token) as slack:` serves the API under `slack.api_url`.

    `messages` are those that now stand in the channels, oldest first; `calls` counts per method;
    `fail(...)` makes the next calls fail. Port 0 takes a free one.
    """

    def __init__(
        self,
        port: int = 0,
        token: str = "xoxb-sample",  # noqa: S107 - the fake's own token, worth nothing elsewhere.
        *,
        channels: Sequence[str] = ("critical-alerts", "alerts"),
        closed_channels: Sequence[str] = (),
        scopes: Sequence[str] = SCOPES,
    ) -> None:
        super().__init__(self._answer, port)
        self._token = token
        self._scopes = tuple(scopes)
        self._workspace = Workspace(channels, closed_channels)
        self._failures: deque[tuple[Failure, str | None]] = deque(maxlen=10_000)
        self._changed = asyncio.Condition()
        self.calls: Counter[str] = Counter()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that stand in the channels now, oldest first."""
        return self._workspace.messages

    @property
    def files(self) -> tuple[Upload, ...]:
        """The files that were uploaded, oldest first."""
        return tuple(self._workspace.files.values())

    @property
    def api_url(self) -> str:
        """What a client takes as the base of the Web API; ends with a slash."""
        return f"{self.url}/api/"

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

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._workspace.url = self.url
        return self

    async def _answer(self, request: Request) -> Reply:
        route, _, rest = request.path.lstrip("/").partition("/")
        if route == "api":
            return await self._call(request, rest)
        if route == "upload" and request.method == "POST":
            wrong = self._workspace.receive(rest, request.body)
            return Reply((wrong or "OK").encode(), status=400 if wrong else 200, kind="text/plain")
        if route == "file" and rest in self._workspace.files:
            # The kind is fixed, so that an uploaded page can never run as one.
            return Reply(self._workspace.files[rest].content, kind="image/png")
        if route == "messages.json":
            return _json([asdict(message) for message in self.messages])
        if route == "":
            chosen = request.query.get("channel")
            page = channel_page.render(self._workspace.channels, self.messages, chosen)
            return Reply(page.encode(), headers=channel_page.HEADERS)
        return Reply(b"not found", status=404, kind="text/plain")

    async def _call(self, request: Request, method: str) -> Reply:
        self.calls[method] += 1
        failure = self._next_failure(method)
        if failure is None:
            return await self._perform(request, method)
        if failure.fault is Fault.SLOW:
            return replace(await self._perform(request, method), after=failure.seconds)
        hidden = _json({"ok": True, "channel": "C0", "ts": "0.0", "message": {}})
        if failure.accepted:
            hidden = await self._perform(request, method)
        match failure.fault:
            case Fault.RATE_LIMITED:
                wait = {"retry-after": str(max(1, round(failure.seconds)))}
                return _json({"ok": False, "error": "ratelimited"}, status=429, headers=wait)
            case Fault.SERVER:
                return Reply(b"upstream faults", status=failure.status, kind="text/plain")
            case Fault.HALF:
                return replace(hidden, cut=len(hidden.body) // 2)
            case Fault.RESET:
                return replace(hidden, reset=True)
        return _json({"ok": False, "error": failure.error})

    def _next_failure(self, method: str) -> Failure | None:
        for position, (failure, only) in enumerate(self._failures):
            if only is None or only == method:
                del self._failures[position]
                return failure
        return None

    async def _perform(self, request: Request, method: str) -> Reply:
        try:
            arguments = _arguments(request)
            self._authorise(request, arguments)
            needed = _NEEDED_SCOPES.get(method)
            if needed is not None and needed not in self._scopes:
                return self._json(
                    {
                        "ok": False,
                        "error": "missing_scope",
                        "needed": needed,
                        "provided": ",".join(self._scopes),
                    }
                )
            answer = self._workspace.call(method, arguments)
        except Refusal as refusal:
            extra: dict[str, Any] = {}
            if refusal.messages:
                extra["response_metadata"] = {"messages": list(refusal.messages)}
            return self._json({"ok": False, "error": refusal.error, **extra})
        async with self._changed:
            self._changed.notify_all()
        return self._json({"ok": True, **answer})

    def _json(self, answer: Mapping[str, object]) -> Reply:
        # Slack names the token's scopes with every answer.
        return _json(answer, headers={"x-oauth-scopes": ",".join(self._scopes)})

    def _authorise(self, request: Request, arguments: Mapping[str, Any]) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else str(arguments.get("token", ""))
        if not given:
            raise Refusal("not_authed")
        if given != self._token:
            raise Refusal("invalid_auth")


def _arguments(request: Request) -> Mapping[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if request.method == "GET" or not request.body:
        return request.query
    if kind == "application/json":
        if request.path.rpartition("/")[2] in _FORM_ONLY:
            # The methods that read take no JSON, and do not say so.
            return request.query
        try:
            parsed = json.loads(request.body)
        except ValueError as error:
            raise Refusal("invalid_json") from error
        if not isinstance(parsed, dict):
            raise Refusal("json_not_object")
        return parsed
    if kind == _FORM:
        return {**request.query, **dict(parse_qsl(request.body.decode(errors="replace")))}
    raise Refusal("invalid_post_type")


def _json(answer: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(answer).encode()
    kind = "application/json; charset=utf-8"
    return Reply(body, status=status, kind=kind, headers=headers or {})
