"""What a Slack workspace knows and how it answers the methods that a notifier calls.

Source of methods and error names: Slack's Web API reference.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dexwatch import clock
from dexwatch.demo.local.message import Message, Refusal, Upload, content, parsed

MESSAGES = 1_000
"""How many messages are kept; the oldest go first."""

_FILES = 200
_UPDATE_BYTES = 4_000
_TEAM = "T0SAMPLE"
_BOT = "U0DEXWATCH"
_BOT_ID = "B0DEXWATCH"


class Workspace:
    """Channels, messages and files, changed and read by Web API calls.

    The bot is no member of the closed channels until it joins them.
    """

    def __init__(self, channels: Sequence[str], closed_channels: Sequence[str] = ()) -> None:
        self._ids = {name: f"C{number:010d}" for number, name in enumerate(channels, start=1)}
        self._closed = {name: f"C9{number:09d}" for number, name in enumerate(closed_channels)}
        self._messages: deque[Message] = deque(maxlen=MESSAGES)
        self._files: dict[str, Upload] = {}
        self._serial = 0
        self.url = ""
        """Address under which uploads are received; known when the server listens."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all channels; those where the bot is a member come first."""
        return (*self._ids, *self._closed)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that stand in the channels now, oldest first."""
        return tuple(message for message in self._messages if not message.deleted)

    @property
    def files(self) -> Mapping[str, Upload]:
        """The uploaded files by id, oldest first."""
        return self._files

    def channel_id(self, name: str) -> str:
        """Return the id of a channel, given by name with or without the hash sign."""
        return self._ids[name.removeprefix("#")]

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer's fields besides `ok`.

        Raises:
            Refusal: Slack would answer `ok: false`.
        """
        return self._methods().get(method, _unknown)(arguments)

    def _methods(self) -> Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        return {
            "api.test": lambda arguments: {"args": dict(arguments)},
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
            "conversations.list": self._list,
            "conversations.info": self._info,
            "conversations.join": self._join,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._upload_done,
        }

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://sample.slack.example/",
            "team": "sample",
            "user": "dexwatch",
            "team_id": _TEAM,
            "user_id": _BOT,
            "bot_id": _BOT_ID,
        }

    def _post(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._member(self._channel(arguments))
        thread = arguments.get("thread_ts")
        if thread is not None and self._find(channel, str(thread)) is None:
            raise Refusal("thread_not_found")
        message = replace(content(arguments), channel=channel, ts=self._stamp(), thread_ts=thread)
        self._messages.append(message)
        return self._shown(message)

    def _update(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        position, old = self._own(arguments)
        if len(str(arguments.get("text") or "").encode()) > _UPDATE_BYTES:
            raise Refusal("msg_too_long")
        # What is not given stays as it was.
        kept = {name: getattr(old, name) for name in ("blocks", "attachments", "metadata")}
        new = replace(
            content({**kept, **arguments}),
            channel=old.channel,
            ts=old.ts,
            thread_ts=old.thread_ts,
            edits=old.edits + 1,
            files=old.files,
        )
        self._messages[position] = new
        return {**self._shown(new), "text": new.text}

    def _delete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        position, old = self._own(arguments)
        self._messages[position] = replace(old, deleted=True)
        return {"channel": self._ids[old.channel], "ts": old.ts}

    def _permalink(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel(arguments, by_id=True)
        if self._find(channel, str(arguments.get("message_ts", ""))) is None:
            raise Refusal("message_not_found")
        return {"channel": self._ids[channel], "permalink": f"{self.url}/?channel={channel}"}

    def _list(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        names = [*self._ids, *self._closed]
        start = int(arguments.get("cursor") or 0)
        end = start + min(int(arguments.get("limit") or 100), 1_000)
        cursor = str(end) if end < len(names) else ""
        return {
            "channels": [self._described(name) for name in names[start:end]],
            "response_metadata": {"next_cursor": cursor},
        }

    def _info(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"channel": self._described(self._channel(arguments, by_id=True))}

    def _join(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = self._channel(arguments, by_id=True)
        if name in self._closed:
            self._ids[name] = self._closed.pop(name)
        return {"channel": self._described(name)}

    def _history(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._member(self._channel(arguments, by_id=True))
        found = [m for m in self.messages if m.channel == channel and m.thread_ts is None]
        most = min(int(arguments.get("limit") or 100), 999)
        newest, more = found[::-1][:most], len(found) > most
        return {
            "messages": [self._listed(m, arguments) for m in newest],
            "has_more": more,
            "pin_count": 0,
            "response_metadata": {"next_cursor": newest[-1].ts if more else ""},
        }

    def _replies(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._member(self._channel(arguments, by_id=True))
        ts = str(arguments.get("ts", ""))
        found = [m for m in self.messages if m.channel == channel and ts in (m.ts, m.thread_ts)]
        if not found:
            raise Refusal("thread_not_found")
        return {"messages": [self._listed(m, arguments) for m in found], "has_more": False}

    def _upload_url(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name, length = arguments.get("filename"), int(arguments.get("length") or 0)
        if not name or length <= 0:
            raise Refusal("invalid_arguments")
        self._serial += 1
        file = Upload(f"F{self._serial:010d}", str(name), length)
        self._files[file.identity] = file
        while len(self._files) > _FILES:
            self._files.pop(next(iter(self._files)))
        return {"upload_url": f"{self.url}/upload/{file.identity}", "file_id": file.identity}

    def receive(self, identity: str, received: bytes) -> str | None:
        """Take an upload's bytes; return what is wrong with them, if anything."""
        file = self._files.get(identity)
        if file is None:
            return "unknown upload"
        if len(received) != file.length:
            return "length differs"
        self._files[identity] = replace(file, content=received)
        return None

    def _upload_done(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        listed = parsed(arguments.get("files"))
        if not isinstance(listed, list) or not listed:
            raise Refusal("invalid_arguments")
        files = [self._files.get(str(entry.get("id"))) for entry in listed]
        if any(file is None or not file.content for file in files):
            raise Refusal("file_not_found")
        if arguments.get("channel_id"):
            named = {"channel": arguments["channel_id"]}
            channel = self._member(self._channel(named, by_id=True))
            self._messages.append(
                Message(
                    channel=channel,
                    ts=self._stamp(),
                    text=str(arguments.get("initial_comment", "")),
                    thread_ts=arguments.get("thread_ts"),
                    files=[file.identity for file in files if file],
                )
            )
        return {"files": [{"id": file.identity, "title": file.name} for file in files if file]}

    def _channel(self, arguments: Mapping[str, Any], *, by_id: bool = False) -> str:
        given = str(arguments.get("channel") or "")
        for name, identity in (*self._ids.items(), *self._closed.items()):
            if given == identity or (not by_id and given in (name, f"#{name}")):
                return name
        raise Refusal("channel_not_found")

    def _member(self, channel: str) -> str:
        if channel in self._closed:
            raise Refusal("not_in_channel")
        return channel

    def _own(self, arguments: Mapping[str, Any]) -> tuple[int, Message]:
        # Unlike chat.postMessage these take the channel's id only.
        channel = self._channel(arguments, by_id=True)
        found = self._find(channel, str(arguments.get("ts", "")))
        if found is None:
            raise Refusal("message_not_found")
        return found

    def _find(self, channel: str, ts: str) -> tuple[int, Message] | None:
        for position, message in enumerate(self._messages):
            if message.channel == channel and message.ts == ts and not message.deleted:
                return position, message
        return None

    def _shown(self, message: Message) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "message",
            "user": _BOT,
            "bot_id": _BOT_ID,
            "team": _TEAM,
            "ts": message.ts,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        if message.metadata:
            body["metadata"] = dict(message.metadata)
        if message.thread_ts:
            body["thread_ts"] = message.thread_ts
        return {"channel": self._ids[message.channel], "ts": message.ts, "message": body}

    def _listed(self, message: Message, arguments: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = self._shown(message)["message"]
        if str(arguments.get("include_all_metadata") or "").lower() != "true":
            body.pop("metadata", None)
        return body

    def _described(self, name: str) -> dict[str, Any]:
        member = name in self._ids
        identity = self._ids[name] if member else self._closed[name]
        return {"id": identity, "name": name, "is_channel": True, "is_member": member}

    def _stamp(self) -> str:
        self._serial += 1
        return f"{int(clock.now().timestamp())}.{self._serial:06d}"


def _unknown(_: Mapping[str, Any]) -> dict[str, Any]:
    raise Refusal("unknown_method")
