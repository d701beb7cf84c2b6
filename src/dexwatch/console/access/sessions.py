"""Sessions: who is signed in. They live in our database, so they outlast a restart of the console.

The cookie holds the user's name and a random token. Only a hash is kept, of the token and of the
user's line in the users file: a copy of the database opens no session, and a new password, or a
user who is created anew, ends the sessions from before. What a user may do comes from the users
file at every request: who is taken out of it is signed out.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dexwatch.console.access.users import Role, User, Users
from dexwatch.console.protocols import Now, SessionStore, StoredSession
from dexwatch.response.store import StoreUnavailableError

FRESH = timedelta(seconds=3)
"""A session that was read so short a time ago is not read again; another console's sign-out
takes so long to be noticed here."""
TRUSTED = timedelta(minutes=2)
"""So long a session that was read before stays good while the database does not answer."""
MOST_KEPT = 1_000
MOST_OF_USER = 20
"""Sessions of one user; a further sign-in ends the oldest."""


@dataclass(frozen=True)
class Session:
    """One sign-in; `form_token` must come back with every change that it asks for."""

    user: str
    role: Role
    form_token: str = field(repr=False)

    @property
    def may_act(self) -> bool:
        """May this user change anything?"""
        return self.role is Role.OPERATOR

    def owns(self, form_token: str) -> bool:
        """Was this form made for this session?"""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


class Sessions:
    """Opens, finds and closes sessions; remembers for a moment what it has read of them."""

    def __init__(
        self,
        store: SessionStore,
        users: Users,
        *,
        lasts: timedelta,
        idle: timedelta,
        now: Now,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._store, self._users, self._now = store, users, now
        self._lasts, self._idle, self._most_kept = lasts, idle, most_kept
        self._kept: OrderedDict[str, tuple[StoredSession, datetime]] = OrderedDict()

    async def open(self, user: User) -> str:
        """Begin a session and return the value of its cookie."""
        token, at = secrets.token_urlsafe(32), self._now()
        await self._store.add(
            _key(token, user),
            username=user.name,
            csrf=secrets.token_urlsafe(32),
            created_at=at,
            expires_at=at + min(self._lasts, self._idle),
            most=MOST_OF_USER,
        )
        return f"{user.name}.{token}"

    async def find(self, token: str | None) -> Session | None:
        """Return the session of a token while it lasts, and note that it was used.

        Raises:
            StoreUnavailableError: the database does not answer, and we do not know the token.
        """
        return await self._found(token, used=True) if token else None

    async def alive(self, token: str | None) -> bool:
        """Does the token's session last? Asking does not count as using it."""
        if not token:
            return False
        try:
            # A viewer who leaves must not cut off the database in the middle of an answer.
            found = asyncio.create_task(self._found(token, used=False))
            return await asyncio.shield(found) is not None
        except StoreUnavailableError:
            # An open page of ours is worth keeping while the database restarts.
            return True

    async def close(self, token: str | None) -> None:
        """End a session."""
        user = self._user(token or "")
        if user is not None:
            key = _key(_random(token or ""), user)
            await self._store.end(key)
            self._kept.pop(key, None)

    async def _found(self, token: str, *, used: bool) -> Session | None:
        at, user = self._now(), self._user(token)
        if user is None:
            return None
        key = _key(_random(token), user)
        stored = await self._read(key, at)
        if stored is None or stored.username != user.name:
            return None
        if used:
            await self._prolong(key, stored, at)
        return Session(user.name, user.role, stored.csrf)

    def _user(self, token: str) -> User | None:
        return self._users.find(token.rpartition(".")[0])

    async def _read(self, key: str, at: datetime) -> StoredSession | None:
        kept, read_at = self._kept.get(key, (None, at))
        if kept is None or at - read_at > FRESH:
            try:
                kept, read_at = await self._store.get(key, at), at
            except StoreUnavailableError:
                if kept is None or at - read_at > TRUSTED:
                    raise
            self._keep(key, kept, read_at)
        return kept if kept is not None and kept.expires_at > at else None

    def _keep(self, key: str, stored: StoredSession | None, read_at: datetime) -> None:
        self._kept.pop(key, None)
        # What is unknown is not kept: made-up tokens must not push out real sessions.
        if stored is not None:
            self._kept[key] = stored, read_at
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    async def _prolong(self, key: str, stored: StoredSession, at: datetime) -> None:
        until = min(at + self._idle, stored.created_at + self._lasts)
        # A write for each request would be a waste: a tenth of the idle time is near enough.
        if until - stored.expires_at < self._idle / 10:
            return
        try:
            await self._store.extend(key, until)
        except StoreUnavailableError:
            return
        self._kept.pop(key, None)


def _random(token: str) -> str:
    return token.rpartition(".")[2]


def _key(random: str, user: User) -> str:
    return hmac.new(user.secret, random.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
