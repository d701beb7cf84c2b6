"""Sessions: who is signed in. They live in memory, so a restart of the console signs everybody out.

The cookie holds a random token; only its hash is kept, so that a dump of memory opens no session.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dexwatch.console.access.users import Role
from dexwatch.console.contracts import Now

MOST_SESSIONS = 5_000


@dataclass(frozen=True)
class Session:
    """One sign-in; `form_token` must come back with every change that it asks for."""

    user: str
    role: Role
    form_token: str = field(repr=False)
    begun: datetime
    used: datetime

    @property
    def may_act(self) -> bool:
        """May this user change anything?"""
        return self.role is Role.OPERATOR

    def owns(self, form_token: str) -> bool:
        """Was this form made for this session?"""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


class Sessions:
    """Opens, finds and closes sessions; when there are too many, the longest unused one goes."""

    def __init__(self, *, lasts: timedelta, idle: timedelta, now: Now) -> None:
        self._lasts, self._idle, self._now = lasts, idle, now
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, user: str, role: Role) -> str:
        """Begin a session and return the token for its cookie."""
        token, at = secrets.token_urlsafe(32), self._now()
        self._sessions[_key(token)] = Session(user, role, secrets.token_urlsafe(32), at, at)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return token

    def find(self, token: str | None) -> Session | None:
        """Return the session of a token while it lasts, and note that it was used."""
        if not token:
            return None
        key, at = _key(token), self._now()
        session = self._sessions.get(key)
        if session is None:
            return None
        if self._over(session, at):
            del self._sessions[key]
            return None
        session = replace(session, used=at)
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        return session

    def alive(self, token: str | None) -> bool:
        """Does the token's session last? Asking does not count as using it."""
        session = self._sessions.get(_key(token)) if token else None
        return session is not None and not self._over(session, self._now())

    def _over(self, session: Session, at: datetime) -> bool:
        return at - session.begun > self._lasts or at - session.used > self._idle

    def close(self, token: str | None) -> None:
        """End a session."""
        if token:
            self._sessions.pop(_key(token), None)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
