"""Signed cookies: the sign-in form's, and the one of a browser that has signed in before."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from dexwatch.console.access.users import User

FORM_LASTS = timedelta(hours=1)
KNOWN_LASTS = timedelta(days=180)


class Forms:
    """Makes and checks the sign-in form's cookie and token.

    The cookie is a time and a random value, signed; the form carries another signature of the same,
    so that neither can be made elsewhere, and a form fits no cookie but its own.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    def new(self, now: datetime) -> str:
        """Return a new cookie."""
        body = f"{int(now.timestamp())}.{secrets.token_urlsafe(18)}"
        return f"{body}.{self._sign('cookie', body)}"

    def token(self, cookie: str) -> str:
        """Return what the form that goes with this cookie carries."""
        return self._sign("form", cookie)

    def valid(self, cookie: str, now: datetime) -> bool:
        """Is this a cookie of ours that has not run out?"""
        body, _, signature = cookie.rpartition(".")
        made = body.partition(".")[0]
        if not _equal(signature, self._sign("cookie", body)) or not made.isdigit():
            return False
        return 0 <= now.timestamp() - int(made) <= FORM_LASTS.total_seconds()

    def fits(self, cookie: str, token: str, now: datetime) -> bool:
        """Was this form made for this cookie?"""
        return self.valid(cookie, now) and _equal(token, self.token(cookie))

    def _sign(self, purpose: str, text: str) -> str:
        return _sign(self._key(), f"{purpose} {text}")


def known_cookie(user: User, now: datetime) -> str:
    """Return the cookie that tells, later, that this user has signed in with this browser."""
    body = f"{user.name}:{int(now.timestamp())}.{secrets.token_urlsafe(12)}"
    return f"{body}.{_sign(user.secret, f'known {body}')}"


def known_browser(cookie: str, user: User | None, now: datetime) -> str:
    """Return a name for the browser when it has signed in as this user before, else nothing.

    The key is the user's own, so a new password, or to sign out everywhere, ends it.
    """
    body, _, signature = cookie.rpartition(".")
    name, _, rest = body.partition(":")
    made, _, browser = rest.partition(".")
    if user is None or name != user.name or not made.isdigit():
        return ""
    if not _equal(signature, _sign(user.secret, f"known {body}")):
        return ""
    fresh = 0 <= now.timestamp() - int(made) <= KNOWN_LASTS.total_seconds()
    return browser if fresh else ""


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
