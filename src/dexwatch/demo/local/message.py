"""A Slack message as a call gives it and as the channel shows it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dexwatch.demo.local import blocks

_TEXT = 40_000


@dataclass(frozen=True)
class Message:
    """A message as the channel shows it now."""

    channel: str
    """Name without the hash sign."""
    ts: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    thread_ts: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    edits: int = 0
    deleted: bool = False
    files: Sequence[str] = ()
    """Ids of uploaded files that the message shows."""


@dataclass(frozen=True)
class Upload:
    """A file that came by the external upload flow."""

    identity: str
    name: str
    length: int
    content: bytes = b""


class Refusal(Exception):  # noqa: N818 - it is an answer of Slack's, not a failure of ours.
    """An answer with `ok: false`: the error's name and what else Slack says."""

    def __init__(self, error: str, messages: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages


def content(arguments: Mapping[str, Any]) -> Message:
    """Return the message that a call describes, with neither channel nor time.

    Raises:
        Refusal: Slack would not take it.
    """
    text = str(arguments.get("text") or "")
    shown = parsed(arguments.get("blocks")) or []
    attachments = parsed(arguments.get("attachments")) or []
    if not text and not shown and not attachments:
        raise Refusal("no_text")
    if len(text) > _TEXT:
        raise Refusal("msg_too_long")
    wrong = blocks.violations(shown)
    for attachment in attachments:
        wrong += blocks.violations(attachment.get("blocks") or [])
    if wrong:
        raise Refusal("invalid_blocks", wrong)
    metadata = parsed(arguments.get("metadata")) or {}
    if metadata and set(metadata) < {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")
    return Message("", "", text, blocks=shown, attachments=attachments, metadata=metadata)


def parsed(value: object) -> Any:  # noqa: ANN401 - it is JSON of any shape.
    """Return a structure; form-encoded calls carry structures as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise Refusal("invalid_json") from error
