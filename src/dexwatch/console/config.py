"""What an operator can set about the console."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class SampleControlConfig(BaseModel):
    """The sample exchange's control door; only the sample's own configuration has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    token: SecretStr
    mailbox_url: str = ""
    """The page that shows the mail that dexwatch has sent."""
    slack_url: str = ""
    """The page that shows the messages that dexwatch has sent to Slack."""


class ConsoleConfig(BaseModel):
    """Where the console listens, who may sign in and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8900, ge=1, le=65535)
    public_url: str = "http://127.0.0.1:8900"
    """The address that people use: links in messages begin with it; https makes cookies Secure.
    When it is left out, host and port say it."""
    users_file: Path = Path("users.json")
    """Names, roles and argon2 hashes; read again when it changes."""
    session_hours: float = Field(default=12.0, gt=0, le=168)
    """A session ends so long after the sign-in, however busy it is."""
    idle_minutes: float = Field(default=120.0, gt=0)
    """A session ends so long after its last request."""
    sample_control: SampleControlConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _address(cls, values: object) -> object:
        if not isinstance(values, dict) or "public_url" in values:
            return values
        host, port = values.get("host", "127.0.0.1"), values.get("port", 8900)
        return {**values, "public_url": f"http://{host}:{port}"}
