"""The users file: names, roles and argon2 hashes, read again whenever it changes.

{"users": [{"name": "ana", "role": "operator", "hash": "$argon2id$..."}]}
"""

import json
import os
from enum import StrEnum
from functools import cache
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

log = structlog.get_logger(__name__)

MOST_BYTES = 1_000_000
LONGEST_PASSWORD = 1_024
_hasher = PasswordHasher()


class Role(StrEnum):
    """What a user may do: a viewer looks, an operator also acts."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class User(BaseModel):
    """One line of the users file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    role: Role
    hash: str = Field(repr=False)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[User, ...]


class UsersError(Exception):
    """The users file cannot be used; the text says why and what to do."""


class Users:
    """Knows the users of one file; a broken file keeps those that were read last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        """Return the user of that name."""
        self._refresh()
        return self._users.get(name)

    def check(self, name: str, password: str) -> User | None:
        """Return the user when the password is right; takes about 50 ms, so call it in a thread."""
        user = self.find(name)
        try:
            # An unknown name costs as much time as a wrong password, so neither can be told apart.
            _hasher.verify(user.hash if user else _decoy(), password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return user

    def _refresh(self) -> None:
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._users = {user.name: user for user in read(self._file)}
                self._stamp = stamp
        except FileNotFoundError:
            self._users, self._stamp = {}, None
        except (OSError, UsersError) as error:
            log.error("users_file_unusable", file=str(self._file), error=str(error))  # noqa: TRY400


@cache
def _decoy() -> str:
    return _hasher.hash(os.urandom(16).hex())


def read(file: Path) -> tuple[User, ...]:
    """Read a users file.

    Raises:
        UsersError: it is not valid; the message holds no hash.
    """
    content = file.read_bytes()[: MOST_BYTES + 1]
    if len(content) > MOST_BYTES:
        raise UsersError(f"{file} is larger than {MOST_BYTES} bytes")
    try:
        return _File.model_validate_json(content).users
    except ValidationError as error:
        places = ", ".join(
            ".".join(map(str, detail["loc"])) or "the whole"
            for detail in error.errors(include_input=False)
        )
        raise UsersError(f"{file}: correct {places}; see `dexwatch user --help`") from None


def write(file: Path, name: str, password: str, role: Role = Role.OPERATOR) -> User:
    """Add a user to the file, or give the user a new password and role; return the user."""
    user = User(name=name, role=role, hash=_hasher.hash(password))
    others = [one for one in (read(file) if file.exists() else ()) if one.name != name]
    content = {"users": [one.model_dump(mode="json") for one in (*others, user)]}
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n")
    fresh.replace(file)
    return user
