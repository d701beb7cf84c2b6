"""The settings of the channel Slack."""

from pydantic import Field, field_validator

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.config import Config, HttpUrl
from dexwatch.secret import HeaderSecret


class SlackConfig(Config):
    """A workspace where our app is a member of the channels."""

    token: HeaderSecret = Field(min_length=1)
    """A bot token with chat:write; channels:history and channels:read save duplicates."""
    api_url: HttpUrl = "https://slack.com/api/"
    channels: dict[Severity, str]
    """A channel by severity; a severity that is absent is not posted."""

    @field_validator("api_url")
    @classmethod
    def _slash(cls, url: str) -> str:
        return url.rstrip("/") + "/"
