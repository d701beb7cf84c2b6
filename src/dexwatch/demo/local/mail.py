"""A mail as the sample's mail server was given it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage


@dataclass(frozen=True)
class Mail:
    """One mail as it was handed over."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject line, decoded."""
        return str(self.message.get("subject", ""))

    @property
    def text(self) -> str:
        """The plain-text part, or nothing."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML part as it came, or nothing; never show it outside a sandbox."""
        return self._body("html")

    @property
    def pictures(self) -> Mapping[str, EmailMessage]:
        """Inline pictures by content id, without the angle brackets."""
        return {
            str(part["content-id"]).strip("<> "): part
            for part in self.message.walk()
            if isinstance(part, EmailMessage)
            and part["content-id"]
            and part.get_content_maintype() == "image"
        }

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""
