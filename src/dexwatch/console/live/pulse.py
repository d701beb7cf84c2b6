"""The state of everything at one glance: are we all right, and if not, where?

A pulse is drawn from three sides that fail apart: the alerts that Prometheus evaluates, what
Alertmanager holds back, and the incidents in our own store. What cannot be seen is said, never
taken for health.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.dashboards.board import Level
from dexwatch.dashboards.component_health import COMPONENTS, ComponentHealth, component_of
from dexwatch.incidents.records import Incident, IncidentState
from dexwatch.metrics.severity import Severity


@dataclass(frozen=True)
class Problem:
    """A firing alert, as people see it."""

    name: str
    severity: Severity
    summary: str
    labels: Mapping[str, str]
    since: datetime | None
    component: ComponentHealth | None
    """None where the alert's label names none of ours."""
    muted: str = ""
    """`silenced`, `part of a worse alert`, or nothing."""
    description: str = ""
    runbook: str = ""

    @property
    def level(self) -> Level:
        """How loud it is on the page."""
        return LEVELS[self.severity]


@dataclass(frozen=True)
class Health:
    """How one component is."""

    component: ComponentHealth
    level: Level
    word: str
    names: str = ""
    """The alerts behind it."""


@dataclass(frozen=True)
class Verdict:
    """The one line at the top."""

    level: Level
    headline: str
    detail: str


@dataclass(frozen=True)
class Pulse:
    """Everything that the top of each page says."""

    at: datetime
    problems: tuple[Problem, ...] = ()
    health: tuple[Health, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """The unresolved ones, the worst first."""
    blind: tuple[str, ...] = ()
    """What could not be seen this time, in plain words."""
    revision: int = 0
    pending: tuple[Problem, ...] = ()
    """Conditions that hold, but not yet for long enough."""

    @property
    def change(self) -> int:
        """A number that differs when a list would, not merely a value within a sentence."""
        shown = [(one.name, one.muted, tuple(one.labels.items())) for one in self.problems]
        return hash((tuple(shown), tuple(one.name for one in self.pending), self.revision))

    @property
    def loud(self) -> tuple[Problem, ...]:
        """The problems that nobody has muted."""
        return tuple(problem for problem in self.problems if not problem.muted)

    @property
    def critical(self) -> tuple[Problem, ...]:
        """What belongs into the banner."""
        return tuple(problem for problem in self.loud if problem.severity is Severity.P0)

    @property
    def unanswered(self) -> tuple[Incident, ...]:
        """Incidents that nobody has taken on."""
        return tuple(one for one in self.incidents if one.state is IncidentState.OPEN)

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Problems by severity, without the muted ones."""
        return {
            severity: sum(problem.severity is severity for problem in self.loud)
            for severity in Severity
        }

    @property
    def verdict(self) -> Verdict:
        """Are we all right?"""
        return _verdict(self)


LEVELS = {
    Severity.P0: Level.CRITICAL,
    Severity.P1: Level.WARNING,
    Severity.P2: Level.INFO,
    Severity.P3: Level.INFO,
}


def problems_of(
    active: Sequence[ActiveAlert], routed: Sequence[RoutedAlert], *, state: str = "firing"
) -> tuple[Problem, ...]:
    """Return the alerts in a state (firing, pending), the worst and oldest first."""
    found = [
        _problem(alert, routed)
        for alert in active
        if alert.state == state and alert.labels.get("severity") in set(Severity)
    ]
    found.sort(key=lambda one: (one.severity.value, one.since is None, one.since, one.name))
    return tuple(found)


def health_of(
    measured: Mapping[str, float | None], problems: Sequence[Problem]
) -> tuple[Health, ...]:
    """Return every component's state from its own measure and the alerts about it."""
    return tuple(_health(each, measured.get(each.id), problems) for each in COMPONENTS)


def _problem(alert: ActiveAlert, routed: Sequence[RoutedAlert]) -> Problem:
    twin = next((one for one in routed if alert.labels.items() <= one.labels.items()), None)
    muted = ""
    if twin is not None and twin.silenced_by:
        muted = "silenced"
    elif twin is not None and twin.inhibited_by:
        muted = "part of a worse alert"
    notes = alert.annotations
    return Problem(
        alert.name,
        Severity(alert.labels["severity"]),
        notes.get("summary", alert.name),
        alert.labels,
        moment(alert.since),
        component_of(alert.labels),
        muted,
        notes.get("description", ""),
        notes.get("runbook_url", ""),
    )


def _health(component: ComponentHealth, value: float | None, problems: Sequence[Problem]) -> Health:
    own = [one for one in problems if one.component is component and not one.muted]
    if own:
        word = "1 alert" if len(own) == 1 else f"{len(own)} alerts"
        names = ", ".join(dict.fromkeys(one.name for one in own))
        return Health(component, own[0].level, f"{own[0].severity.value} · {word}", names)
    if value is None:
        return Health(component, Level.UNKNOWN, "no data")
    if value < 1:
        return Health(component, Level.CRITICAL, "down")
    return Health(component, Level.OK, "works")


def _verdict(pulse: Pulse) -> Verdict:
    loud = pulse.loud
    if not loud and pulse.blind:
        return Verdict(Level.UNKNOWN, "We cannot see everything", "; ".join(pulse.blind))
    ill = [one for one in pulse.health if one.level in {Level.CRITICAL, Level.WARNING}]
    where = _join([one.component.title for one in ill])
    if pulse.critical or any(one.level is Level.CRITICAL for one in ill):
        first = loud[0].summary if loud else f"{where} down"
        return Verdict(Level.CRITICAL, f"Trouble in {where}", first)
    if ill:
        return Verdict(Level.WARNING, f"Degraded: {where}", loud[0].summary)
    if loud:
        many = "1 thing" if len(loud) == 1 else f"{len(loud)} things"
        return Verdict(Level.INFO, f"Working, with {many} to look at", loud[0].summary)
    works = sum(one.level is Level.OK for one in pulse.health)
    muted = len(pulse.problems)
    detail = f"{works} of {len(pulse.health)} components report and work"
    if muted:
        detail += f"; {muted} muted " + ("alert" if muted == 1 else "alerts")
    return Verdict(Level.OK, "All is well", detail)


def _join(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return (
        " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        or "the platform"
    )


def moment(text: str) -> datetime | None:
    """Read one of Prometheus' times (RFC 3339 with nanoseconds); None when it is not one."""
    head, dot, tail = text.partition(".")
    if dot:
        digits = "".join(letter for letter in tail if letter.isdigit())
        zone = tail.lstrip("0123456789")
        text = f"{head}.{digits[:6]}{zone}" if tail[:1].isdigit() and zone else text
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo and read.year > 1 else None
