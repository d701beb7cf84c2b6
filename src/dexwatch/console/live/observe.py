"""Asks every side at once how things are; the console's pages and `dexwatch status` both do so."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import RuleGroup, Target
from dexwatch.console.live.alerts import (
    Sides,
    disagreements,
    firing_alerts,
    held_by_incidents_only,
    pending_alerts,
)
from dexwatch.console.live.empty_panels import just_begun
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
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import IncidentFilter

UNRESOLVED = IncidentFilter(states=frozenset(IncidentState) - {IncidentState.RESOLVED})
MOST_INCIDENTS = 100
BEGUN = "just-begun"
"""Stands among the components' measures while Prometheus has only begun."""
SLOWEST_SECONDS = 60.0
"""Rules that are evaluated more rarely are not waited for after a start of Prometheus."""

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
        # Before the rest: what changes meanwhile is then told as a change by the next round.
        revision = await _asked(self._revision, [], "")
        active, held, measured, kept, incidents, watched = await asyncio.gather(
            _asked(self.prometheus.alerts, blind, "Prometheus does not answer"),
            _asked(self.alertmanager.alerts, blind, "Alertmanager does not answer"),
            _asked(self._measure, blind, "no component can be measured"),
            _asked(self._kept, [], ""),
            _asked(self._incidents, blind, "the incident store does not answer"),
            _asked(self._watched, [], ""),
        )
        targets, groups = watched or ((), ())
        if watched is not None:
            blind += _not_yet(targets, groups)
        elif active is not None:
            blind.append("Prometheus does not tell what it watches")
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
            targets,
            groups,
            BEGUN in (measured or {}),
        )

    async def _kept(self) -> list[Alert] | None:
        return await self.store.firing() if self.store is not None else None

    async def _incidents(self) -> tuple[Incident, ...]:
        if self.store is None:
            raise StoreUnavailableError
        found = await self.store.incidents(UNRESOLVED, limit=MOST_INCIDENTS)
        return worst_first(found.incidents)

    async def _revision(self) -> int:
        return await self.store.revision() if self.store is not None else 0

    async def _watched(self) -> tuple[tuple[Target, ...], tuple[RuleGroup, ...]]:
        return await asyncio.gather(self.prometheus.targets(), self.prometheus.rules())

    async def _measure(self) -> Mapping[str, float | None]:
        # One question for all components costs Prometheus less than eleven.
        expression = " or ".join(
            f'label_replace({one.expression}, "component", "{one.id}", "", "")'
            for one in COMPONENTS
        )
        expression += (
            f' or label_replace({just_begun(self.windows)}, "component", "{BEGUN}", "", "")'
        )
        found = await self.prometheus.query(expression)
        return {series.labels.get("component", ""): series.value for series in found}


def _not_yet(targets: Sequence[Target], groups: Sequence[RuleGroup]) -> Iterator[str]:
    """Yield what a Prometheus that has just begun has not looked at since.

    Until it has, samples of the process before it look like health, and nothing fires.
    """
    if not targets:
        yield "Prometheus has no target"
    elif waiting := sum(one.health == "unknown" for one in targets):
        yield f"Prometheus has not scraped {waiting} of {len(targets)} targets yet"
    rules = [
        (rule, group.interval_seconds <= SLOWEST_SECONDS)
        for group in groups
        for rule in group.rules
        if rule.kind == "alerting"
    ]
    if not rules:
        yield "Prometheus has no alert rule"
    elif waiting := sum(soon and rule.health == "unknown" for rule, soon in rules):
        yield f"Prometheus has not evaluated {waiting} of {len(rules)} alert rules yet"


async def _asked(ask: Callable[[], Awaitable[_T]], blind: list[str], words: str) -> _T | None:
    """Return the answer, or None with the words added to what could not be seen."""
    try:
        return await ask()
    except (SourceError, StoreUnavailableError):
        if words:
            blind.append(words)
        return None
