"""The state of everything at one glance: are we all right, and if not, where?

A summary is drawn from four sides that fail apart: the alerts that Prometheus evaluates, those that
Alertmanager holds, the alerts and incidents of our own store, and what is measured of each
component. Whatever one of them knows is shown; what cannot be seen, and where two of them
disagree, is said and never taken for health.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dexwatch.clients.prometheus import RuleGroup, Target
from dexwatch.console.live.alerts import FiringAlert
from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.dashboards.component_health import COMPONENTS, ComponentHealth
from dexwatch.incidents.records import Incident, IncidentState
from dexwatch.metrics.component import Component
from dexwatch.metrics.severity import Severity

ALWAYS_EXPECTED = frozenset({Component.MONITORING})
_RANK = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.INFO, Level.OK)


@dataclass(frozen=True)
class ComponentState:
    """How one component is."""

    component: ComponentHealth
    level: Level
    word: str
    names: str = ""
    """The alerts behind it."""
    missing: bool = False
    """It is configured, and nothing is known of it."""


@dataclass(frozen=True)
class OverallStatus:
    """The one line at the top."""

    level: Level
    headline: str
    detail: str


@dataclass(frozen=True)
class HealthSummary:
    """Everything that the top of each page says, and `dexwatch status`."""

    at: datetime
    alerts: tuple[FiringAlert, ...] = ()
    """What fires by any source, the worst and oldest first."""
    components: tuple[ComponentState, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """The unresolved ones, the worst first."""
    blind: tuple[str, ...] = ()
    """What could not be seen this time, in plain words."""
    disagreements: tuple[str, ...] = ()
    """Where Prometheus, Alertmanager and incidents contradict each other, in plain words."""
    revision: int = 0
    pending: tuple[FiringAlert, ...] = ()
    """Conditions that hold, but not yet for long enough."""
    targets: tuple[Target, ...] = ()
    """What Prometheus scrapes, in any state."""
    groups: tuple[RuleGroup, ...] = ()
    """What Prometheus evaluates."""
    begun: bool = False
    """Prometheus has just begun: figures are on their way, and nothing can be called well yet."""

    @property
    def change(self) -> int:
        """A number that differs when a list would, not merely a value within a sentence."""
        shown = [(one.name, one.muted, tuple(one.labels.items())) for one in self.alerts]
        waiting = tuple(one.name for one in self.pending)
        return hash((tuple(shown), waiting, self.unseen, self.disagreements, self.revision))

    @property
    def loud(self) -> tuple[FiringAlert, ...]:
        """The alerts that nobody has muted."""
        return tuple(alert for alert in self.alerts if not alert.muted)

    @property
    def critical(self) -> tuple[FiringAlert, ...]:
        """The alerts that belong into the banner."""
        return tuple(alert for alert in self.loud if alert.severity is Severity.P0)

    @property
    def unanswered(self) -> tuple[Incident, ...]:
        """Incidents that nobody has acknowledged."""
        return tuple(one for one in self.incidents if one.state is IncidentState.OPEN)

    @property
    def targets_down(self) -> tuple[str, ...]:
        """The targets that did not answer the last scrape, with the reason."""
        return tuple(_failed(one) for one in self.targets if _is_down(one) and not one.silent)

    @property
    def silent_targets_down(self) -> tuple[str, ...]:
        """The same of targets that never alert: worth a line, and no trouble."""
        return tuple(_failed(one) for one in self.targets if _is_down(one) and one.silent)

    @property
    def rules_broken(self) -> tuple[str, ...]:
        """The rules that could not be evaluated, with the reason."""
        return tuple(
            f"{rule.name}: {rule.last_error}"
            for group in self.groups
            for rule in group.rules
            if rule.health == "err"
        )

    @property
    def unseen(self) -> tuple[str, ...]:
        """What cannot be seen, in plain words: so long nobody knows whether all is well."""
        words = ["Prometheus has just begun"] if self.begun else []
        words += self.blind
        if missing := [one.component.title for one in self.components if one.missing]:
            words.append(f"no data of {_join(missing)}")
        if down := len(self.targets_down):
            words.append(f"{down} of {_counted(len(self.targets), 'target')} {_are(down)} down")
        if broken := len(self.rules_broken):
            words.append(f"{_counted(broken, 'rule')} {_are(broken)} broken")
        return tuple(words)

    @property
    def critical_incident(self) -> Incident | None:
        """The first P0 incident whose fault lasts; it belongs into the banner, too."""
        lasting = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
        found = (one for one in self.incidents if one.severity is Severity.P0)
        return next((one for one in found if one.state in lasting), None)

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Alerts by severity, without the muted ones."""
        return {
            severity: sum(alert.severity is severity for alert in self.loud)
            for severity in Severity
        }

    @property
    def well(self) -> bool:
        """Is all well, as far as can be seen, and can everything be seen?"""
        return self.status.level is Level.OK

    @property
    def status(self) -> OverallStatus:
        """The overall status: the worst of alerts, components, incidents and missing answers."""
        parts = (_by_alerts(self), _by_incidents(self), _by_missing_answers(self))
        found = [part for part in parts if part is not None]
        # Of two that are as bad, the alert says more than the incident.
        return min(found, key=lambda one: _RANK.index(one.level), default=_all_well(self))


def component_states(
    measured: Mapping[str, float | None],
    alerts: Sequence[FiringAlert],
    *,
    expected: Collection[Component] = ALWAYS_EXPECTED,
) -> tuple[ComponentState, ...]:
    """Return every component's state from its own measure and the alerts about it.

    Of one that is `expected`, no data means that it cannot be seen; others may not be configured.
    """
    found = (_state(each, measured.get(each.id), alerts) for each in COMPONENTS)
    return tuple(
        replace(one, missing=measured.get(one.component.id) is None)
        if one.component.component in expected
        else one
        for one in found
    )


def _state(
    component: ComponentHealth, value: float | None, alerts: Sequence[FiringAlert]
) -> ComponentState:
    own = [one for one in alerts if one.component is component and not one.muted]
    if own:
        word = "1 alert" if len(own) == 1 else f"{len(own)} alerts"
        names = ", ".join(dict.fromkeys(one.name for one in own))
        return ComponentState(component, own[0].level, f"{own[0].severity.value} · {word}", names)
    if value is None:
        return ComponentState(component, Level.UNKNOWN, "no data")
    if value < 1:
        return ComponentState(component, Level.CRITICAL, "down")
    return ComponentState(component, Level.OK, "works")


def _by_alerts(summary: HealthSummary) -> OverallStatus | None:
    loud = summary.loud
    ill = [one for one in summary.components if one.level in {Level.CRITICAL, Level.WARNING}]
    levels = [alert.level for alert in loud] + [one.level for one in ill]
    if not levels:
        return None
    level = min(levels, key=_RANK.index)
    where = _join([one.component.title for one in ill])
    detail = loud[0].summary if loud else f"{where} down"
    if level is Level.CRITICAL:
        return OverallStatus(level, f"Trouble in {where}", detail)
    if level is Level.WARNING:
        return OverallStatus(level, f"Degraded: {where}", detail)
    many = "1 thing" if len(loud) == 1 else f"{len(loud)} things"
    return OverallStatus(level, f"Working, with {many} to look at", detail)


def _by_incidents(summary: HealthSummary) -> OverallStatus | None:
    if not summary.incidents:
        return None
    lasting = [one for one in summary.incidents if one.state is not IncidentState.MITIGATED]
    # What is over and waits only for a person's word is worth a look, no more.
    level = LEVEL_OF[lasting[0].severity] if lasting else Level.INFO
    first = (lasting or list(summary.incidents))[0]
    number = len(summary.incidents)
    headline = "1 incident is unresolved" if number == 1 else f"{number} incidents are unresolved"
    return OverallStatus(level, headline, f"{first.severity.value} {first.title}")


def _by_missing_answers(summary: HealthSummary) -> OverallStatus | None:
    if unseen := summary.unseen:
        headline = "Figures are on their way" if summary.begun else "We cannot see everything"
        words = "; ".join((*unseen, *summary.disagreements))
        return OverallStatus(Level.UNKNOWN, headline, words)
    if summary.disagreements:
        words = "; ".join(summary.disagreements)
        return OverallStatus(Level.UNKNOWN, "Two of our sources disagree", words)
    return None


def _all_well(summary: HealthSummary) -> OverallStatus:
    works = sum(one.level is Level.OK for one in summary.components)
    muted = len(summary.alerts)
    detail = f"{works} of {len(summary.components)} components report and work"
    if muted:
        detail += f"; {muted} muted " + ("alert" if muted == 1 else "alerts")
    return OverallStatus(Level.OK, "All is well", detail)


def worst_first(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return incidents in the order in which they are to be answered."""
    return tuple(sorted(incidents, key=lambda one: (one.severity.value, -one.number)))


def _is_down(target: Target) -> bool:
    return target.health == "down"


def _failed(target: Target) -> str:
    return f"{target.job} {target.labels.get('instance', '')}: {target.last_error}"


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _join(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return (
        " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        or "the platform"
    )
