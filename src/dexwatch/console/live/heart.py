"""Takes the pulse for all viewers: a round of questions every two seconds while somebody looks."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import structlog

from dexwatch import clock
from dexwatch.clients.http import SourceError
from dexwatch.console.live.pulse import Pulse, health_of, problems_of
from dexwatch.console.live.watcher import Watcher
from dexwatch.console.protocols import Alertmanager, Now, Prometheus
from dexwatch.dashboards.component_health import COMPONENTS
from dexwatch.incidents.records import Incident, IncidentState
from dexwatch.metrics.promql import Windows
from dexwatch.response.actions import list_incidents
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import IncidentFilter

log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
LINGER_SECONDS = 10.0
OPEN = IncidentFilter(states=frozenset(IncidentState) - {IncidentState.RESOLVED})

_T = TypeVar("_T")


class Heart:
    """Keeps the newest pulse, and tells watchers when something has changed."""

    def __init__(
        self,
        prometheus: Prometheus,
        alertmanager: Alertmanager,
        store: Store,
        windows: Windows,
        *,
        now: Now = clock.now,
    ) -> None:
        self._prometheus, self._alertmanager, self._store = prometheus, alertmanager, store
        self._windows, self._now = windows, now
        self._pulse: Pulse | None = None
        self._watchers: set[Watcher] = set()
        self._wanted_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()

    async def pulse(self, *, wait: float = 1.0) -> Pulse:
        """Return the newest pulse; when none comes within `wait` seconds, one that says so."""
        self._want()
        try:
            async with asyncio.timeout(wait):
                await self._first.wait()
        except TimeoutError:
            pass
        return self._pulse or Pulse(self._now(), blind=("Prometheus has not answered yet",))

    async def again(self) -> None:
        """Take the pulse now, because something was just done."""
        await self._beat()

    @contextmanager
    def watch(self, watcher: Watcher) -> Iterator[None]:
        """Put each changed pulse into an inbox as long as the context is open."""
        self._want()
        self._watchers.add(watcher)
        if self._pulse is not None:
            watcher.put("pulse", self._pulse)
        try:
            yield
        finally:
            self._watchers.discard(watcher)
            self._want()

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _want(self) -> None:
        self._wanted_until = clock.monotonic() + LINGER_SECONDS
        if self._task is None or self._task.done():
            self._first.clear()
            self._task = asyncio.create_task(self._run(), name="pulse")

    async def _run(self) -> None:
        while self._watchers or clock.monotonic() < self._wanted_until:
            try:
                await self._beat()
            except Exception:
                # The top of every page hangs on this loop: it must outlive any surprise.
                log.exception("pulse_failed")
            await asyncio.sleep(EVERY_SECONDS)

    async def _beat(self) -> None:
        fresh = await self._take()
        old, self._pulse = self._pulse, fresh
        self._first.set()
        if old is None or replace(old, at=fresh.at) != fresh:
            for watcher in self._watchers:
                watcher.put("pulse", fresh)

    async def _take(self) -> Pulse:
        blind: list[str] = []
        active, routed, measured, incidents, revision = await asyncio.gather(
            _seen(self._prometheus.alerts(), (), blind, "Prometheus does not answer"),
            _seen(self._alertmanager.alerts(), (), blind, "Alertmanager does not answer"),
            self._measure(),
            _seen(self._incidents(), (), blind, "the incident store does not answer"),
            _seen(self._store.revision(), 0, [], ""),
        )
        problems = problems_of(active, routed)
        return Pulse(
            self._now(),
            problems,
            health_of(measured, problems),
            incidents,
            tuple(blind),
            revision,
            problems_of(active, routed, state="pending"),
        )

    async def _incidents(self) -> tuple[Incident, ...]:
        found = await list_incidents(self._store, OPEN, limit=100)
        order = sorted(found.incidents, key=lambda one: (one.severity.value, -one.number))
        return tuple(order)

    async def _measure(self) -> Mapping[str, float | None]:
        # One question for all components costs Prometheus less than eleven.
        expression = " or ".join(
            f'label_replace({one.expression(self._windows)}, "component", "{one.id}", "", "")'
            for one in COMPONENTS
        )
        found = await _seen(self._prometheus.query(expression), (), [], "")
        return {series.labels.get("component", ""): series.value for series in found}


async def _seen(asked: Awaitable[_T], otherwise: _T, blind: list[str], words: str) -> _T:
    """Return the answer, or `otherwise` with the words added to what could not be seen."""
    try:
        return await asked
    except (SourceError, StoreUnavailableError):
        if words:
            blind.append(words)
        return otherwise
