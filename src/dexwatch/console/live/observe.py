"""Asks every side at once how things are; the console's pages and `dexwatch status` both do so."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from dexwatch.clients.http import SourceError
from dexwatch.console.live.alerts import (
    Sides,
    disagreements,
    firing_alerts,
    held_by_incidents_only,
    pending_alerts,
)
from dexwatch.console.live.health import (
    ALWAYS_EXPECTED,
    HealthSummary,
    component_states,
    worst_first,
)
from dexwatch.console.protocols import Alertmanager, Now, Prometheus
from dexwatch.dashboards.component_health import COMPONENTS
from dexwatch.incidents.records import Alert, Incident, IncidentState
from dexwatch.metrics.component import Component
from dexwatch.metrics.promql import Windows
from dexwatch.response.actions import list_incidents
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import IncidentFilter

UNRESOLVED = IncidentFilter(states=frozenset(IncidentState) - {IncidentState.RESOLVED})
MOST_INCIDENTS = 100

_T = TypeVar("_T")


@dataclass
class Observer:
    """The sides that are asked; without a store only the daemons are."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    store: Store | None
    windows: Windows
    receiver: str = "dexwatch"
    """Our receiver's name in Alertmanager; alerts that are routed elsewhere are not ours."""
    expected: Collection[Component] = ALWAYS_EXPECTED
    """The components that are configured: no data of one of them is no health."""
    _alone: dict[str, datetime] = field(default_factory=dict)
    """Since when Alertmanager has been seen not to hold what incidents know."""

    async def observe(self, now: Now) -> HealthSummary:
        """Ask all sides, and return what they say together."""
        blind: list[str] = []
        active, held, measured, kept, incidents, revision = await asyncio.gather(
            _asked(self.prometheus.alerts, blind, "Prometheus does not answer"),
            _asked(self.alertmanager.alerts, blind, "Alertmanager does not answer"),
            _asked(self._measure, blind, "no component can be measured"),
            _asked(self._kept, [], ""),
            _asked(self._incidents, blind, "the incident store does not answer"),
            _asked(self._revision, [], ""),
        )
        sides, at = Sides(active, held, kept, self.receiver), now()
        alerts = firing_alerts(sides)
        gone = held_by_incidents_only(sides)
        self._alone = {key: self._alone.get(key, at) for key in gone}
        return HealthSummary(
            at,
            alerts,
            # What a failed question leaves open is said once, and not of each component.
            component_states(
                measured or {}, alerts, expected=() if measured is None else self.expected
            ),
            incidents or (),
            tuple(blind),
            disagreements(sides, at, alone=self._alone),
            revision or 0,
            pending_alerts(active or ()),
        )

    async def _kept(self) -> list[Alert] | None:
        return await self.store.firing() if self.store is not None else None

    async def _incidents(self) -> tuple[Incident, ...]:
        if self.store is None:
            raise StoreUnavailableError
        found = await list_incidents(self.store, UNRESOLVED, limit=MOST_INCIDENTS)
        return worst_first(found.incidents)

    async def _revision(self) -> int:
        return await self.store.revision() if self.store is not None else 0

    async def _measure(self) -> Mapping[str, float | None]:
        # One question for all components costs Prometheus less than eleven.
        expression = " or ".join(
            f'label_replace({one.expression}, "component", "{one.id}", "", "")'
            for one in COMPONENTS
        )
        found = await self.prometheus.query(expression)
        return {series.labels.get("component", ""): series.value for series in found}


async def _asked(ask: Callable[[], Awaitable[_T]], blind: list[str], words: str) -> _T | None:
    """Return the answer, or None with the words added to what could not be seen."""
    try:
        return await ask()
    except (SourceError, StoreUnavailableError):
        if words:
            blind.append(words)
        return None
