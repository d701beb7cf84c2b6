"""What a server asks of whoever calls it: a name and password, a bearer token, a certificate."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True)
class Access:
    """How one server is called; by default it asks for nothing."""

    username: str = ""
    password: SecretStr | None = None
    token: SecretStr | None = None
    ca_file: Path | None = None
    """The authority that signed its certificate, where that is not a public one."""

    @property
    def secrets(self) -> Iterator[str]:
        """What of it must not be shown, though a server repeats it."""
        _, _, encoded = self.header.partition(" ")
        yield encoded
        for secret in (self.password, self.token):
            if secret is not None:
                yield secret.get_secret_value()

    @property
    def header(self) -> str:
        """The value of `Authorization` (RFC 7617 or RFC 6750); empty where nothing is asked."""
        if self.token is not None:
            return f"Bearer {self.token.get_secret_value()}"
        if self.password is not None:
            pair = f"{self.username}:{self.password.get_secret_value()}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return ""
