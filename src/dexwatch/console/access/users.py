"""The users file: names, roles and argon2 hashes, read again whenever it changes.

{"users": [{"name": "ana", "role": "operator", "hash": "$argon2id$..."}]}
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dexwatch.bounded_file import read_file

log = structlog.get_logger(__name__)

MOST_BYTES = 1_000_000
LONGEST_PASSWORD = 1_024
_hasher = PasswordHasher()
_PROCESS = os.urandom(32)


class Role(StrEnum):
    """What a user may do: a viewer reads, an operator also acknowledges, resolves and silences."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class User(BaseModel):
    """One line of the users file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    role: Role
    hash: str = Field(repr=False)
    signed_out: str = ""
    """When all sessions were ended at once; sessions from before it are none."""

    @property
    def secret(self) -> bytes:
        """What the user's sessions are bound to: it changes with the password, and by signing out.

        A hash has a salt, so a user who is created anew, even with the same password, has another.
        """
        return hashlib.sha256(f"{self.name}\0{self.hash}\0{self.signed_out}".encode()).digest()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[User, ...]


class UsersError(Exception):
    """The users file cannot be used; the text says why and what to do."""


class Users:
    """Knows the users of one file; a broken file keeps those that were read last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, ...] | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        """Return the user of that name."""
        self._refresh()
        return self._users.get(name)

    def key(self) -> bytes:
        """Return what signs the sign-in form: the same for all consoles over one users file."""
        self._refresh()
        secrets = b"".join(user.secret for user in self._users.values())
        return hashlib.sha256(b"form" + secrets + (b"" if secrets else _PROCESS)).digest()

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
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
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
        FileNotFoundError: there is none.
        UsersError: it cannot be read or is not valid; the message holds no hash.
    """
    try:
        content = read_file(file, MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsersError(
            f"{file} cannot be read ({error.strerror}): correct `console.users_file`, or remove it"
        ) from None
    try:
        return _File.model_validate_json(content).users
    except ValidationError as error:
        places = ", ".join(
            ".".join(map(str, detail["loc"])) or "the whole"
            for detail in error.errors(include_input=False)
        )
        raise UsersError(f"{file}: correct {places}; see `dexwatch user --help`") from None


def write(
    file: Path,
    name: str,
    password: str,
    role: Role = Role.OPERATOR,
    *,
    group: int | None = None,
) -> User:
    """Add a user to the file, or give the user a new password and role; return the user.

    `group` may read the file from now on, where the console runs as another user than we.
    """
    user = User(name=name, role=role, hash=_hasher.hash(password))
    others = [one for one in (read(file) if file.exists() else ()) if one.name != name]
    _save(file, (*others, user), group=group)
    return user


def sign_out(file: Path, name: str, *, at: datetime) -> User:
    """End all sessions of a user, and forget the browsers; return the user.

    Raises:
        UsersError: the file cannot be used, or there is no such user.
    """
    users = read(file) if file.exists() else ()
    if all(one.name != name for one in users):
        raise UsersError(f"{file} has no user {name}")
    changed = [
        one.model_copy(update={"signed_out": at.isoformat()}) if one.name == name else one
        for one in users
    ]
    _save(file, changed)
    return next(one for one in changed if one.name == name)


def _save(file: Path, users: Iterable[User], *, group: int | None = None) -> None:
    content = {"users": [one.model_dump(mode="json", exclude_defaults=True) for one in users]}
    # A name of its own, mode 0600 from the start: nobody can have laid a file or a link in its way.
    descriptor, fresh = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=2) + "\n")
            _let_read(stream.fileno(), file, group)
            stream.flush()
            # Else a power cut may leave an empty file under the name, and nobody gets in.
            os.fsync(stream.fileno())
        Path(fresh).replace(file)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def _let_read(descriptor: int, file: Path, group: int | None) -> None:
    """Let its owner and group read the file as before, and `group`; strangers never."""
    with contextlib.suppress(FileNotFoundError):
        former = file.stat()
        if os.geteuid() == 0:
            os.fchown(descriptor, former.st_uid, -1)
        if group is None and former.st_mode & (stat.S_IRGRP | stat.S_IRWXO) == stat.S_IRGRP:
            group = former.st_gid
    if group is not None:
        # Without root a group that is not ours cannot be given; nor may ours read it then.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP)
