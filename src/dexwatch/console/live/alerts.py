"""What fires, by whichever source says so: one list of Prometheus, Alertmanager and incidents.

The same alert is known to each of them under labels that differ: Prometheus adds its external
labels when it tells Alertmanager, and incidents keep what Alertmanager tells. Alerts of other
programs post to Alertmanager, or to our receivers, without Prometheus.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.dashboards.component_health import ComponentHealth, component_of
from dexwatch.incidents.records import Alert
from dexwatch.metrics.severity import Severity, severity_of

SETTLED = timedelta(seconds=90)
"""So long each may take to learn from the other: intervals of groups, repeats, our own asking."""
MOST_SCANS = 8
"""Times that a twin is looked for by comparing all; it teaches which labels are added, so a few
are enough, and the whole stays linear in the number of alerts."""


ALERTMANAGER = "alertmanager"
_NONE: Mapping[str, datetime] = {}


class _Labelled(Protocol):
    @property
    def labels(self) -> Mapping[str, str]:
        """What identifies it."""


_T = TypeVar("_T", bound=_Labelled)


@dataclass(frozen=True)
class FiringAlert:
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
    runbook: str = ""
    """Where its annotation says that the runbook is, foreign text."""
    source: str = "Prometheus"
    """Who says that it fires."""
    incident_id: str = ""
    """The incident that it belongs to, where one knows it."""

    @property
    def level(self) -> Level:
        """How loud it is on the page."""
        return LEVEL_OF[self.severity]

    @property
    def said(self) -> str:
        """The severity in the source's own word, where that is not ours."""
        word = self.labels.get("severity", "")
        return "" if word == self.severity.value else word or "no severity"


@dataclass(frozen=True)
class Sides:
    """What the three sides said; None where one could not be asked."""

    active: Sequence[ActiveAlert] | None = ()
    """Pending and firing, as Prometheus evaluates."""
    held: Sequence[RoutedAlert] | None = ()
    """What Alertmanager holds, the muted included."""
    kept: Sequence[Alert] | None = ()
    """What fires as far as incidents know."""
    receiver: str = "dexwatch"
    """Our receiver's name in Alertmanager."""

    @property
    def for_us(self) -> Sequence[RoutedAlert]:
        """What Alertmanager holds and routes to us: the rest is other people's."""
        held = self.held or ()
        return [one for one in held if not one.receivers or self.receiver in one.receivers]


def firing_alerts(sides: Sides) -> tuple[FiringAlert, ...]:
    """Return every alert once, the worst and oldest first; those of severity `none` are none."""
    active = [one for one in sides.active or () if one.state == "firing"]
    held, kept = _Twins(sides.held or ()), _Twins(sides.kept or ())
    by_fingerprint = {one.fingerprint: one for one in sides.kept or ()}
    known: set[int] = set()
    found = []
    for alert in active:
        twin, record = held.of(alert.labels), kept.of(alert.labels)
        record = by_fingerprint.get(twin.fingerprint) if twin is not None else record
        known |= {id(twin), id(record)}
        found.append(_of_prometheus(alert, twin, record))
    for one in sides.for_us:
        if id(one) not in known:
            record = by_fingerprint.get(one.fingerprint)
            known.add(id(record))
            found.append(_of_alertmanager(one, record))
    found += [_of_incident(one) for one in sides.kept or () if id(one) not in known]
    return _sorted(alert for alert in found if alert is not None)


def pending_alerts(active: Sequence[ActiveAlert]) -> tuple[FiringAlert, ...]:
    """Return what will fire unless it ends first."""
    found = (_of_prometheus(one, None, None) for one in active if one.state == "pending")
    return _sorted(alert for alert in found if alert is not None)


def held_by_incidents_only(sides: Sides) -> frozenset[str]:
    """Return the fingerprints of alerts that Alertmanager told us of and holds no longer."""
    if sides.held is None or sides.kept is None:
        return frozenset()
    held = {one.fingerprint for one in sides.held}
    told = (one for one in sides.kept if one.source == ALERTMANAGER)
    return frozenset(one.fingerprint for one in told if one.fingerprint not in held)


def disagreements(
    sides: Sides, now: datetime, *, alone: Mapping[str, datetime] = _NONE
) -> tuple[str, ...]:
    """Say in words what one side should long have learnt from another and has not.

    `alone` says since when each of `held_by_incidents_only` has been seen so.
    """
    found = []
    settled = now - SETTLED
    if sides.active is not None and sides.held is not None:
        held = _Twins(sides.held)
        lost = [
            one for one in sides.active if _long_fires(one, settled) and not held.of(one.labels)
        ]
        found += _count(lost, "{} that Prometheus fires, and Alertmanager does not hold")
    if sides.held is not None and sides.kept is not None:
        known = {one.fingerprint for one in sides.kept}
        lost_held = [
            one
            for one in sides.for_us
            if one.fingerprint not in known
            and severity_of(one.labels) is not None
            and not (one.silenced_by or one.inhibited_by)
            and one.starts < settled
        ]
        found += _count(lost_held, "{} that Alertmanager holds, and no incident knows")
    lasting = [key for key, since in alone.items() if since < settled]
    found += _count(lasting, "{} that incidents know, and Alertmanager no longer holds")
    return tuple(found)


def moment(text: str) -> datetime | None:
    """Read one of Prometheus' times (RFC 3339 with nanoseconds); None when it is not one."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo and read.year > 1 else None


class _Twins(Generic[_T]):
    """Finds the record whose labels are an alert's own and some added ones, in linear time."""

    def __init__(self, records: Sequence[_T]) -> None:
        self._records, self._scans = records, 0
        self._indexes = [(frozenset[str](), _index(records, frozenset()))]

    def of(self, labels: Mapping[str, str]) -> _T | None:
        """Return the record, or None."""
        key = frozenset(labels.items())
        for _, index in self._indexes:
            if key in index:
                return index[key]
        if self._scans >= MOST_SCANS:
            return None
        self._scans += 1
        twin = next((one for one in self._records if labels.items() <= one.labels.items()), None)
        if twin is not None:
            added = frozenset(twin.labels) - frozenset(labels)
            self._indexes.append((added, _index(self._records, added)))
        return twin


def _index(records: Iterable[_T], added: frozenset[str]) -> dict[frozenset[tuple[str, str]], _T]:
    return {
        frozenset((key, text) for key, text in one.labels.items() if key not in added): one
        for one in records
    }


def _of_prometheus(
    alert: ActiveAlert, twin: RoutedAlert | None, record: Alert | None
) -> FiringAlert | None:
    severity, since = severity_of(alert.labels), moment(alert.since)
    return _shown(alert, severity, since, record, muted=_muted(twin), source="Prometheus")


def _of_alertmanager(alert: RoutedAlert, record: Alert | None) -> FiringAlert | None:
    severity, muted = severity_of(alert.labels), _muted(alert)
    return _shown(alert, severity, alert.starts, record, muted=muted, source="Alertmanager")


def _of_incident(alert: Alert) -> FiringAlert | None:
    source = "Incidents" if alert.source == ALERTMANAGER else alert.source
    muted = _kept_muted(alert.suppressed_by)
    return _shown(alert, alert.severity, alert.starts_at, alert, muted=muted, source=source)


def _shown(
    alert: ActiveAlert | RoutedAlert | Alert,
    severity: Severity | None,
    since: datetime | None,
    record: Alert | None,
    *,
    muted: str,
    source: str,
) -> FiringAlert | None:
    if severity is None:
        return None
    name, notes = alert.name or "unnamed", alert.annotations
    return FiringAlert(
        name=name,
        severity=severity,
        summary=notes.get("summary", name),
        labels=alert.labels,
        since=since,
        component=component_of(alert.labels),
        muted=muted,
        runbook=notes.get("runbook_url", ""),
        source=source,
        incident_id=(record.incident_id or "") if record else "",
    )


def _muted(alert: RoutedAlert | None) -> str:
    if alert is not None and alert.silenced_by:
        return "silenced"
    return "part of a worse alert" if alert is not None and alert.inhibited_by else ""


def _kept_muted(suppressor: str | None) -> str:
    # Reconciliation keeps `silence ID` or `alert FINGERPRINT`.
    if suppressor is None:
        return ""
    return "part of a worse alert" if suppressor.startswith("alert ") else "silenced"


def _sorted(alerts: Iterable[FiringAlert]) -> tuple[FiringAlert, ...]:
    return tuple(
        sorted(alerts, key=lambda one: (one.severity.value, one.since is None, one.since, one.name))
    )


def _long_fires(alert: ActiveAlert, settled: datetime) -> bool:
    since = moment(alert.since)
    if alert.state != "firing" or since is None or severity_of(alert.labels) is None:
        return False
    try:
        hold = float(alert.annotations.get("for_seconds", "0").removesuffix("s"))
    except ValueError:
        hold = 0.0
    return since < settled - timedelta(seconds=min(max(hold, 0.0), 86_400.0))


def _count(alerts: Sequence[object], words: str) -> list[str]:
    if not alerts:
        return []
    return [words.format("1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts")]
