"""The channels to people. To add one: a folder, and its line in `FOLDERS`."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import Field, create_model, model_validator

from dexwatch.incidents.policy import Route
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.channel import Channel
from dexwatch.notifiers.collecting import Collecting
from dexwatch.notifiers.config import Config
from dexwatch.response.notifier import Notifier

FOLDERS = (
    "slack",
    "email",
    "webhook",
)
"""In the order in which an urgent page falls back from one to the next."""

NOTIFIERS: tuple[Channel[Any], ...] = tuple(
    import_module(f"dexwatch.notifiers.{folder}").CHANNEL for folder in FOLDERS
)


_FIELDS: Mapping[str, Any] = {c.setting: (c.config | None, None) for c in NOTIFIERS}
_Fields = create_model("_Fields", __base__=Config, **_FIELDS)


class NotifyConfig(_Fields):
    """All channels; each is optional. Without any, incidents are seen in the console only."""

    messages_per_minute: int = Field(default=10, ge=1, le=1000)
    """So many messages of one severity to one person or room; what comes beyond is collected."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, given: object) -> object:
        # A key with nothing but comments below it is null in YAML.
        return {} if given is None else given


def configured(config: NotifyConfig) -> Iterator[tuple[Channel[Any], Any]]:
    """Yield the channels that are in use, each with its part of the configuration."""
    for channel in NOTIFIERS:
        part = getattr(config, channel.setting)
        if part:
            yield channel, part


def build(config: NotifyConfig) -> dict[str, Notifier]:
    """Return the configured notifiers by channel name; what people read comes collected."""
    made: dict[str, Notifier] = {}
    for channel, part in configured(config):
        notifier = channel.build(part)
        limit = config.messages_per_minute
        made[channel.name] = (
            Collecting(notifier, per_minute=limit) if channel.read_by_people else notifier
        )
    return made


def routes(config: NotifyConfig) -> Mapping[Severity, tuple[Route, ...]]:
    """Return who is told at which severity."""
    return {
        severity: tuple(
            Route(channel.name, recipient)
            for channel, part in configured(config)
            for recipient in channel.recipients(part, severity)
        )
        for severity in Severity
    }
