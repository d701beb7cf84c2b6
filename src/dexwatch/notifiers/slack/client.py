"""Messages to Slack: one for each incident and channel, kept up to date, with notes in its thread.

Methods, errors and limits: Slack's Web API and Block Kit references.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx
import orjson
import structlog

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import Notice, NoticeKind
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.notifiers import http
from dexwatch.notifiers.slack.config import SlackConfig
from dexwatch.notifiers.slack.errors import Refusal, meaning, refusal
from dexwatch.notifiers.slack.render import EVENT_TYPE, messages, notes
from dexwatch.response.notifier import DeliveryResult, LookupResult

_log = structlog.get_logger(__name__)

_FORM_STATUSES = frozenset({400, 413, 414, 431})
_SILENT = frozenset({UpdateReason.JOINED, UpdateReason.ALERT_RESOLVED, UpdateReason.NOTE})


class SlackError(Exception):
    """A call that did not succeed: what that means for a message, and what Slack objects to."""

    def __init__(self, result: DeliveryResult, kind: Refusal) -> None:
        super().__init__(result.detail)
        self.result = result
        self.kind = kind


class SlackNotifier:
    """Posts and updates; a handle is `channel id:timestamp` of the incident's first message."""

    name = "slack"
    parallel = 4
    shared_limit = True
    only_state_changes = False
    shows_chart = False
    attempt_seconds: float | None = None
    idempotent = False

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._http = http.client(config.api_url)

    async def start(self) -> None:
        """Do nothing: connections are made when they are needed."""

    async def send(self, notice: Notice) -> DeliveryResult:
        """Post the incident's message, or update it and say in its thread what happened."""
        try:
            if notice.handle is None or not await self._update(notice, notice.handle):
                handle = await self._write(
                    "chat.postMessage", {"channel": notice.recipient}, messages(notice)
                )
                return DeliveryResult.delivered(handle=handle)
            return DeliveryResult.delivered(handle=notice.handle)
        except SlackError as error:
            return error.result

    async def _update(self, notice: Notice, handle: str) -> bool:
        """Bring message and thread up to date; False when a new message must take their place."""
        channel, _, ts = handle.partition(":")
        try:
            await self._write("chat.update", {"channel": channel, "ts": ts}, messages(notice))
            if _has_note(notice):
                page = notice.kind is NoticeKind.PAGE
                thread = {"channel": channel, "thread_ts": ts, "reply_broadcast": page}
                await self._write("chat.postMessage", thread, notes(notice))
        except SlackError as error:
            # Deleted, locked, or in a channel that is gone while the configured one may be there.
            if error.kind in (Refusal.MESSAGE, Refusal.DESTINATION):
                return False
            raise
        return True

    async def _write(
        self, method: str, where: Mapping[str, Any], versions: Iterable[Mapping[str, Any]]
    ) -> str | None:
        """Write the richest version that Slack takes; return the message's handle.

        Raises:
            SlackError: with the last refusal.
        """
        refused: SlackError | None = None
        for version in versions:
            try:
                answer = await self._call(method, {**where, **version})
            except SlackError as error:
                if error.kind not in (Refusal.FORM, Refusal.STRANGE):
                    raise
                _log.warning("slack.plainer", refused=error.result.detail)
                refused = error
            else:
                channel, ts = answer.get("channel"), answer.get("ts")
                return f"{channel}:{ts}" if channel and ts else None
        raise refused or SlackError(DeliveryResult.failed("nothing to say"), Refusal.FORM)

    async def lookup(self, notice: Notice) -> LookupResult:
        """Look for the message's key in the metadata of the channel's newest messages."""
        try:
            if notice.handle is None:
                channel = await self._channel_id(notice.recipient)
                if channel is None:
                    return LookupResult(None)
                method, where = "conversations.history", {"channel": channel, "limit": 200}
                ts = ""
            else:
                channel, _, ts = notice.handle.partition(":")
                method, where = "conversations.replies", {"channel": channel, "ts": ts}
            answer = await self._call(method, {**where, "include_all_metadata": "true"}, form=True)
        except SlackError as error:
            return LookupResult(None, away=error.result.outcome is not DeliveryOutcome.FAILED)
        # The first message has the key as soon as it is changed, which nobody is told of.
        changed = ts if _has_note(notice) else ""
        told = (one for one in _records(answer, "messages") if one.get("ts") != changed)
        found = next((one for one in told if _key(one) == notice.key), None)
        if found is None:
            return LookupResult(False)
        return LookupResult(True, notice.handle or f"{channel}:{found.get('ts', '')}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _channel_id(self, recipient: str) -> str | None:
        name, cursor = recipient.removeprefix("#"), ""
        for _ in range(20):
            form = {"limit": 500, "exclude_archived": "true", "cursor": cursor}
            answer = await self._call("conversations.list", form, form=True)
            for channel in _records(answer, "channels"):
                if name in (channel.get("name"), channel.get("id")):
                    return str(channel.get("id"))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None
        return None

    async def _call(
        self, method: str, arguments: Mapping[str, Any], *, form: bool = False
    ) -> Mapping[str, Any]:
        """Call a method; those that read take forms, those that write take JSON.

        Raises:
            SlackError: with the outcome that this means for a message.
        """
        token = self._config.token.get_secret_value()
        body: dict[str, Any] = {"data": arguments} if form else {"json": arguments}
        try:
            response = await http.post(
                self._http,
                f"{self._config.api_url}{method}",
                headers={"Authorization": f"Bearer {token}"},
                **body,
            )
        except httpx.HTTPError as error:
            raise SlackError(http.failed(error), Refusal.UNSURE) from None
        refused = http.refused(response)
        if refused is not None:
            by_form = response.status_code in _FORM_STATUSES
            raise SlackError(refused, Refusal.FORM if by_form else Refusal.UNSURE)
        try:
            answer = orjson.loads(response.content)
        except ValueError:
            unread = DeliveryResult.unknown("the answer was not JSON")
            raise SlackError(unread, Refusal.UNSURE) from None
        if not isinstance(answer, dict):
            raise SlackError(DeliveryResult.unknown("the answer was no object"), Refusal.UNSURE)
        if answer.get("ok") is not True:
            said = str(answer.get("error", "unknown"))[:80]
            result = meaning(said, retry_after=http.retry_after(response))
            raise SlackError(result, refusal(said))
        return answer


def _has_note(notice: Notice) -> bool:
    """Is the thread told of it, beside the change of the first message?"""
    return notice.kind is NoticeKind.PAGE or notice.event not in _SILENT


def _records(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = answer.get(name)
    return [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []


def _key(record: Mapping[str, Any]) -> str | None:
    metadata = record.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    return payload.get("key") if isinstance(payload, dict) else None
