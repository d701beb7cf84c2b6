"""Secrets of the settings: one that a role is not given, and checks that leave it alone."""

from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

NO_HOST = "the address names no host, or no port from 1 to 65535"
_LENGTH = 64
"""Passes any least length that a setting may ask for."""


class WithheldError(RuntimeError):
    """A role read a secret that it does not name in its `RoleSpec.secrets`."""


class Withheld(SecretStr):
    """Stands in the settings of a role where a secret is that it does not need.

    The secret was never read: neither its environment variable nor its file.
    """

    def __init__(self) -> None:
        super().__init__("withheld")

    def get_secret_value(self) -> NoReturn:
        """Refuse.

        Raises:
            WithheldError: always.
        """
        raise WithheldError("this role is not given this secret: name it in the role's RoleSpec")

    def __len__(self) -> int:
        return _LENGTH

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Withheld)

    def __hash__(self) -> int:
        return hash(Withheld)


def _header_safe(secret: SecretStr) -> SecretStr:
    """Return a secret that an HTTP header can carry.

    Raises:
        ValueError: it holds other characters than printed ones of ASCII.
    """
    if not isinstance(secret, Withheld):
        value = secret.get_secret_value()
        if not (value.isascii() and value.isprintable()):
            raise ValueError("it must be of printed ASCII characters: copy it again")
    return secret


HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]
"""A secret that is sent in a header."""


def _login_escaped(secret: SecretStr | None) -> SecretStr | None:
    """Return an address of a database of which all clients read the same host.

    Raises:
        ValueError: it has an @ too many; what follows the first would be taken for the host, which
            errors name.
    """
    if secret is not None and not isinstance(secret, Withheld):
        _, _, rest = secret.get_secret_value().partition("://")
        if not rest.startswith("/") and rest.partition("?")[0].count("@") > 1:
            raise ValueError("write %40 for each @ in the user and the password")
    return secret


LOGIN_ESCAPED = AfterValidator(_login_escaped)


def names_host(address: str) -> bool:
    """Say whether an address, `scheme://host` or `host:port`, names a host, and a port that can be.

    A password with a / or # in it ends at the last @, and a path may hold an @ as well.
    """
    rest = address.partition("://")[2] if "://" in address else address
    return any(_is_host(part) for part in (rest, rest.rpartition("@")[2]))


def _is_host(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        # Without a label, or with one of more than 63 characters, it cannot even be looked up.
        return bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:
        return False


def beginning(*prefixes: str) -> AfterValidator:
    """Return the check that a secret address begins with one of the prefixes and names a host."""

    def check(secret: SecretStr | None) -> SecretStr | None:
        if secret is None or isinstance(secret, Withheld):
            return secret
        if not secret.get_secret_value().startswith(prefixes):
            raise ValueError(f"the address must begin with {' or '.join(prefixes)}")
        if not names_host(secret.get_secret_value()):
            raise ValueError(NO_HOST)
        return secret

    return AfterValidator(check)
