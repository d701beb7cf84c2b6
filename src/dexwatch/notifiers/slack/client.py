"""Messages to Slack: one for each incident and channel, kept up to date, with notes in its thread.

Methods, errors and limits: Slack's Web API and Block Kit references.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import Notice, NoticeKind
from dexwatch.notifiers import http
from dexwatch.notifiers.slack.config import SlackConfig
from dexwatch.notifiers.slack.errors import GONE, meaning
from dexwatch.notifiers.slack.render import EVENT_TYPE, message, note
from dexwatch.response.notifier import DeliveryResult, LookupResult

_SILENT = frozenset({UpdateReason.JOINED, UpdateReason.ALERT_RESOLVED, UpdateReason.NOTE})


class SlackError(Exception):
    """A call that did not succeed, and what that means."""

    def __init__(self, outcome: DeliveryResult, error: str = "") -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome
        self.error = error


class SlackNotifier:
    """Posts and updates; a handle is `channel id:timestamp` of the incident's first message."""

    name = "slack"
    parallel = 4
    only_state_changes = False
    shows_chart = False

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._http = http.client(config.api_url)

    async def start(self) -> None:
        """Do nothing: connections are made when they are needed."""

    async def send(self, notice: Notice) -> DeliveryResult:
        """Post the incident's message, or update it and say in its thread what happened."""
        try:
            if notice.handle is None:
                return DeliveryResult.delivered(handle=await self._post(notice))
            channel, _, ts = notice.handle.partition(":")
            try:
                await self._call("chat.update", {"channel": channel, "ts": ts, **message(notice)})
            except SlackError as error:
                if error.error not in GONE:
                    raise
                # Somebody deleted the message: a new one takes its place.
                return DeliveryResult.delivered(handle=await self._post(notice))
            if notice.kind is NoticeKind.PAGE or notice.event not in _SILENT:
                page = notice.kind is NoticeKind.PAGE
                thread = {"channel": channel, "thread_ts": ts, "reply_broadcast": page}
                await self._call("chat.postMessage", {**thread, **note(notice)})
            return DeliveryResult.delivered(handle=notice.handle)
        except SlackError as error:
            return error.outcome

    async def lookup(self, notice: Notice) -> LookupResult:
        """Look for the message's key in the metadata of the channel's newest messages."""
        try:
            if notice.handle is None:
                channel = await self._channel_id(notice.recipient)
                if channel is None:
                    return LookupResult(None)
                method, where = "conversations.history", {"channel": channel, "limit": 100}
            else:
                channel, _, ts = notice.handle.partition(":")
                method, where = "conversations.replies", {"channel": channel, "ts": ts}
            answer = await self._call(method, {**where, "include_all_metadata": "true"}, form=True)
        except SlackError:
            return LookupResult(None)
        found = next((m for m in _records(answer, "messages") if _key(m) == notice.key), None)
        if found is None:
            return LookupResult(False)
        return LookupResult(True, notice.handle or f"{channel}:{found.get('ts', '')}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _post(self, notice: Notice) -> str:
        answer = await self._call(
            "chat.postMessage", {"channel": notice.recipient, **message(notice)}
        )
        return f"{answer.get('channel', '')}:{answer.get('ts', '')}"

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
            response = await self._http.post(
                f"{self._config.api_url}{method}",
                headers={"Authorization": f"Bearer {token}"},
                **body,
            )
        except httpx.HTTPError as error:
            raise SlackError(http.failed(error)) from None
        refused = http.refused(response)
        if refused is not None:
            raise SlackError(refused)
        try:
            answer = response.json()
        except ValueError:
            raise SlackError(DeliveryResult.unknown("the answer was not JSON")) from None
        if not isinstance(answer, dict):
            raise SlackError(DeliveryResult.unknown("the answer was not an object"))
        if answer.get("ok") is not True:
            said = str(answer.get("error", "unknown"))[:80]
            raise SlackError(meaning(said, retry_after=http.retry_after(response)), said)
        return answer


def _records(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = answer.get(name)
    return [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []


def _key(record: Mapping[str, Any]) -> str | None:
    metadata = record.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    return payload.get("key") if isinstance(payload, dict) else None
