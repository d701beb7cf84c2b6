"""The settings of the channel webhook."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from dexwatch.config_model import form
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.config import Config, HttpUrl


class WebhookConfig(Config):
    """A program of yours that takes our messages as signed JSON."""

    name: Annotated[
        str,
        form(
            re.compile(r"[a-z][a-z0-9-]{0,40}"), "write a to z, digits and `-`, with a letter first"
        ),
    ]
    url: HttpUrl
    secret: SecretStr = Field(min_length=16)
    """At least 16 characters; it signs each message, so that your program can tell it is ours."""
    severities: tuple[Severity, ...] = tuple(Severity)


def _names(hooks: tuple[WebhookConfig, ...]) -> tuple[WebhookConfig, ...]:
    names = [hook.name for hook in hooks]
    if len(names) != len(set(names)):
        raise ValueError("two webhooks have the same name; messages are routed by it")
    return hooks


WebhooksConfig = Annotated[tuple[WebhookConfig, ...], AfterValidator(_names)]
