"""What the console needs of the rest, as small protocols: anything that fits may be passed in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dexwatch.incidents.records import Alert, Incident, Page, TimelineEntry
from dexwatch.sources.alertmanager import Matcher, RoutedAlert, Silence
from dexwatch.sources.prometheus import ActiveAlert, RuleGroup, Series, Target

Now = Callable[[], datetime]


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


@dataclass(frozen=True)
class Story:
    """An incident with all that belongs to it."""

    incident: Incident
    alerts: Sequence[Alert] = ()
    pages: Sequence[Page] = ()
    timeline: Sequence[TimelineEntry] = ()


class IncidentDesk(Protocol):
    """Lists incidents and passes on what people do about them."""

    async def unresolved(self) -> Sequence[Incident]:
        """List the incidents that still ask for somebody, the worst first."""

    async def recent(self, limit: int) -> Sequence[Incident]:
        """List the latest incidents of any state, newest first."""

    async def story(self, incident_id: str) -> Story | None:
        """Return an incident with alerts, pages and timeline."""

    async def act(self, act: str, incident_id: str, *, by: str, source_id: str, note: str) -> str:
        """Acknowledge, resolve, reopen or note; return an empty text or why it was refused."""
