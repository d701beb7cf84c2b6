"""Prometheus and Alertmanager as far as one alert and the dead man's signal go, on a set clock.

Prometheus renews what fires every 10 s for 40 s each; Alertmanager lets expire what is not renewed
and then tells it as resolved, forgets all alerts with its end, and tells the signal every 20 s.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.incidents.events import AlertEvent
from dexwatch.response.ingest import fired, resolved
from tests.fakes.alerts import at

RENEWED, VALID, REPEAT, FOUND = 10.0, 40.0, 20.0, 60.0
LABELS = {"alertname": "NodeDown", "severity": "P0", "alert_group": "node", "host": "a"}


class DeadError(ConnectionError):
    """The program does not run."""


@dataclass
class Alerting:
    """`wall` may be set; what is scheduled goes by `steady`."""

    wall: float = 0.0
    steady: float = 0.0
    holds: bool = True
    """Does the alert's condition hold in truth?"""
    prometheus: bool = True
    alertmanager: bool = True
    began: float = -1000.0
    """When Prometheus began, by the wall clock."""
    found_at: float = 0.0
    """When, by the steady clock, it has found again what holds."""
    firing_since: float | None = None
    held: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What Alertmanager holds: start and end by the wall clock."""
    renewed_at: float = -100.0
    beaten_at: float = -100.0

    def restart_prometheus(self) -> None:
        self.prometheus, self.began = True, self.wall
        self.found_at, self.renewed_at = self.steady + FOUND, self.steady
        self.firing_since = None

    def restart_alertmanager(self) -> None:
        self.alertmanager, self.held = True, {}
        self.beaten_at = self.steady

    def step(self) -> tuple[list[AlertEvent], bool]:
        """Do what is due; return what the webhook tells, and whether the signal comes."""
        told: list[AlertEvent] = []
        if self.prometheus:
            told += self._evaluate()
        if not self.alertmanager:
            return [], False
        for name, (start, end) in list(self.held.items()):
            if end <= self.wall:
                del self.held[name]
                told += [self._resolved(start, end)] if name == "NodeDown" else []
        due = "Watchdog" in self.held and self.steady - self.beaten_at >= REPEAT
        if due:
            self.beaten_at = self.steady
        return told, due

    def _evaluate(self) -> list[AlertEvent]:
        told: list[AlertEvent] = []
        if self.holds and self.steady >= self.found_at:
            self.firing_since = self.wall if self.firing_since is None else self.firing_since
        elif not self.holds and self.firing_since is not None:
            start, self.firing_since = self.firing_since, None
            if self.alertmanager and self.held.pop("NodeDown", None):
                told.append(self._resolved(start, self.wall))
        if self.alertmanager and self.steady - self.renewed_at >= RENEWED:
            self.renewed_at = self.steady
            self.held["Watchdog"] = (self.began, self.wall + VALID)
            if self.firing_since is not None:
                known = self.held.get("NodeDown")
                start = min(known[0], self.firing_since) if known else self.firing_since
                self.held["NodeDown"] = (start, self.wall + VALID)
                if known is None:
                    told.append(self._fired(start))
        return told

    def _fired(self, start: float) -> AlertEvent:
        return fired(
            fingerprint="n", labels=LABELS, annotations={}, starts_at=at(start), upstream="g"
        )

    def _resolved(self, start: float, end: float) -> AlertEvent:
        return resolved(
            fingerprint="n",
            labels=LABELS,
            annotations={},
            starts_at=at(start),
            ends_at=at(end),
            upstream="g",
        )


class Rules:
    """Prometheus' API."""

    def __init__(self, world: Alerting) -> None:
        self._world = world

    async def alerts(self) -> list[ActiveAlert]:
        if not self._world.prometheus:
            raise DeadError
        if self._world.firing_since is None:
            return []
        since = at(self._world.firing_since).isoformat()
        return [ActiveAlert(LABELS, {}, "firing", since, 1.0)]

    async def started_at(self) -> datetime:
        if not self._world.prometheus:
            raise DeadError
        return at(self._world.began)


class Held:
    """Alertmanager's API."""

    def __init__(self, world: Alerting) -> None:
        self._world = world

    async def alerts(self, *, receiver: str = "") -> list[RoutedAlert]:
        world = self._world
        if not world.alertmanager:
            raise DeadError
        if "NodeDown" not in world.held:
            return []
        start, end = world.held["NodeDown"]
        return [
            RoutedAlert(
                fingerprint="n",
                labels=LABELS,
                annotations={},
                starts=at(start),
                ends=at(end) + timedelta(0),
                state="active",
                silenced_by=(),
                inhibited_by=(),
                receivers=(receiver,),
            )
        ]
