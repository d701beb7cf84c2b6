"""A strict stand-in for Slack's Web API, for the sample and for tests of the Slack notifier.

It refuses what the real one refuses (tokens, shapes, Block Kit limits); it never accepts a request
that Slack would not accept.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self
from urllib.parse import parse_qsl

from dexwatch.demo.local import channel_page
from dexwatch.demo.local.message import Message, Refusal
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.demo.local.workspace import Workspace

CHANNELS = ("critical-alerts", "alerts")
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


class SlackFake(LoopbackServer):
    """`async with SlackFake(port, token) as slack:` serves the API under `slack.api_url`.

    `messages` are those that now stand in the channels, oldest first.
    Port 0 takes a free one.
    """

    def __init__(
        self,
        port: int = 0,
        token: str = "xoxb-sample",  # noqa: S107 - the fake's own token, worth nothing elsewhere.
    ) -> None:
        super().__init__(self._answer, port)
        self._token = token
        self._scopes: tuple[str, ...] = SCOPES
        self._workspace = Workspace(CHANNELS)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that stand in the channels now, oldest first."""
        return self._workspace.messages

    @property
    def api_url(self) -> str:
        """What a client takes as the base of the Web API; ends with a slash."""
        return f"{self.url}/api/"

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
        try:
            arguments = _arguments(request)
            self._authorise(request, arguments)
            answer = self._workspace.call(method, arguments)
        except Refusal as refusal:
            extra: dict[str, Any] = {}
            if refusal.messages:
                extra["response_metadata"] = {"messages": list(refusal.messages)}
            return self._json({"ok": False, "error": refusal.error, **extra})
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
