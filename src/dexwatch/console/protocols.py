"""What the console needs of the rest, as small protocols: anything that fits may be passed in."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from dexwatch.clients.alertmanager import Matcher, RoutedAlert, Silence
from dexwatch.clients.prometheus import ActiveAlert, RuleGroup, Series, Target

Now = Callable[[], datetime]


class StoredSession(Protocol):
    """A sign-in as the database keeps it."""

    @property
    def username(self) -> str:
        """Whose it is."""

    @property
    def csrf(self) -> str:
        """What its forms carry."""

    @property
    def created_at(self) -> datetime:
        """When it began."""

    @property
    def expires_at(self) -> datetime:
        """When it ends, unless it is extended."""


class SessionStore(Protocol):
    """Keeps sign-ins under the hash of their token; methods may raise `StoreUnavailableError`."""

    async def add(
        self,
        token_hash: str,
        *,
        username: str,
        csrf: str,
        created_at: datetime,
        expires_at: datetime,
        most: int,
    ) -> None:
        """Keep a new session, and of its user's sessions only the newest `most`."""

    async def get(self, token_hash: str, now: datetime) -> StoredSession | None:
        """Return the session unless it is unknown or expired."""

    async def extend(self, token_hash: str, until: datetime) -> None:
        """Let a session last longer."""

    async def end(self, token_hash: str) -> None:
        """Forget one session."""


class Queries(Protocol):
    """Answers PromQL."""

    async def query(self, expression: str, *, at: float | None = None) -> tuple[Series, ...]:
        """Evaluate at one moment."""

    async def query_range(
        self, expression: str, *, start: float, end: float, step_seconds: float
    ) -> tuple[Series, ...]:
        """Evaluate over a span."""


class Prometheus(Queries, Protocol):
    """Also tells its rules, targets and alerts."""

    async def rules(self) -> tuple[RuleGroup, ...]:
        """List rule groups."""

    async def targets(self) -> tuple[Target, ...]:
        """List active targets."""

    async def alerts(self) -> tuple[ActiveAlert, ...]:
        """List pending and firing alerts."""


class Alertmanager(Protocol):
    """Keeps silences, and knows which alerts they hold back."""

    async def alerts(self) -> tuple[RoutedAlert, ...]:
        """List alerts."""

    async def silences(self) -> tuple[Silence, ...]:
        """List silences."""

    async def silence(
        self,
        matchers: Iterable[Matcher],
        *,
        starts: datetime,
        ends: datetime,
        by: str,
        comment: str,
    ) -> str:
        """Create a silence."""

    async def expire(self, silence_id: str) -> None:
        """End a silence."""
