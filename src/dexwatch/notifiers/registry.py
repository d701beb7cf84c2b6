"""The channels to people. To add one: a module, a line in `NOTIFIERS`, its part of the config."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dexwatch.incidents.policy import Route
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import email, slack, webhook
from dexwatch.notifiers.config import NotifyConfig
from dexwatch.response.notifier import Notifier


@dataclass(frozen=True)
class Channel:
    """A kind of notifier: how to make it of the configuration, and whom it reaches when."""

    name: str
    build: Callable[[NotifyConfig], Notifier | None]
    """None when the channel is not configured."""
    recipients: Callable[[NotifyConfig, Severity], tuple[str, ...]]


NOTIFIERS: tuple[Channel, ...] = (
    Channel("slack", slack.build, slack.recipients),
    Channel("email", email.build, email.recipients),
    Channel("webhook", webhook.build, webhook.recipients),
)
"""In the order in which an urgent page falls back from one to the next."""


def build(config: NotifyConfig) -> dict[str, Notifier]:
    """Return the configured notifiers by channel name."""
    made = {channel.name: channel.build(config) for channel in NOTIFIERS}
    return {name: notifier for name, notifier in made.items() if notifier is not None}


def routes(config: NotifyConfig) -> Mapping[Severity, tuple[Route, ...]]:
    """Return who is told at which severity."""
    return {
        severity: tuple(
            Route(channel.name, recipient)
            for channel in NOTIFIERS
            for recipient in channel.recipients(config, severity)
        )
        for severity in Severity
    }
