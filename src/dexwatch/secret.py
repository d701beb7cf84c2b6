"""Secrets of the settings: one that a role is not given, and checks that leave it alone."""

from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

_NO_HOST = (
    "the address names no host that can be: write a name or an IP address, [in brackets] if it is"
    " one of IPv6, and %2F %23 %3F %40 for / # ? @ in a password"
)
_NO_PORT = "the port of the address is no number from 1 to 65535: write HOST:PORT"
_FILES = "sqlite"
"""Addresses that begin so are files of this machine."""
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


def with_host(address: str) -> str:
    """Return an address, `scheme://host` or `host:port`, that names a host and a possible port.

    A password with a / or # in it ends at the last @, and a path may hold an @ as well.

    Raises:
        ValueError: it names none; the address is not repeated, for it may hold a password.
    """
    rest = address.partition("://")[2] if "://" in address else address
    first, last = (_wrong_with(part) for part in (rest, rest.rpartition("@")[2]))
    if first and last:
        raise ValueError(last)
    return address


def _wrong_with(place: str) -> str:
    try:
        parts = urlsplit(f"//{place}")
        # Resolvers ask in this form, and end with an error of the program where there is none.
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return _NO_HOST
    if not host or not host.isprintable() or " " in host:
        return _NO_HOST
    try:
        return _NO_PORT if parts.port == 0 else ""
    except ValueError:
        return _NO_PORT


def beginning(*prefixes: str) -> AfterValidator:
    """Return the check that a secret address begins with one of the prefixes and names a host."""

    def check(secret: SecretStr | None) -> SecretStr | None:
        if secret is None or isinstance(secret, Withheld):
            return secret
        if not secret.get_secret_value().startswith(prefixes):
            raise ValueError(f"the address must begin with {' or '.join(prefixes)}")
        if not secret.get_secret_value().startswith(_FILES):
            with_host(secret.get_secret_value())
        return secret

    return AfterValidator(check)
