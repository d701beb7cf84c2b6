"""The whole platform, started once for all flows: sample exchange, daemons, roles."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.demo.config import Options
from dexwatch.demo.run import Sample, sample, watched
from dexwatch.incidents.records import Incident, IncidentState
from dexwatch.response.views import IncidentFilter
from dexwatch.roles.resources import prometheus_client
from dexwatch.settings import Settings, load
from dexwatch.storage.store import SqlStore, open_store

POLL_SECONDS = 0.25
QUIET_SECONDS = 2.0
FRESH_SECONDS = 1.0
PAGED = {"P0", "P1", "P2", "P3"}
TIMES: dict[str, tuple[float, float]] = {}
"""By scenario: seconds until all its alerts fired, and from its end until none fired."""


@dataclass
class Platform:
    """The running platform, seen from outside."""

    sample: Sample
    settings: Settings
    prometheus: PrometheusClient
    store: SqlStore
    seen: set[str] = field(default_factory=set)
    """Rules that have fired since it was last cleared."""
    resolved_at: float = -FRESH_SECONDS
    """When no alert was last seen firing, so that one test's end serves as the next one's start."""

    async def firing(self) -> set[str]:
        """Return the rules that fire now, and remember them."""
        alerts = await self.prometheus.alerts()
        now = {a.name for a in alerts if a.state == "firing" and a.labels.get("severity") in PAGED}
        self.seen |= now
        return now

    async def open_incidents(self) -> tuple[Incident, ...]:
        """Return incidents that are not resolved."""
        states = frozenset(set(IncidentState) - {IncidentState.RESOLVED})
        return (await self.store.incidents(IncidentFilter(states=states))).incidents

    async def until(self, reached: Callable[[set[str]], bool], *, seconds: float) -> bool:
        """Watch the firing rules until the condition holds; False when it does not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if reached(await self.firing()):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def all_resolved(self, *, seconds: float) -> bool:
        """Wait until for some seconds nothing fires and no incident is open."""
        if time.monotonic() - self.resolved_at < FRESH_SECONDS:
            return True
        deadline = time.monotonic() + seconds
        quiet_since = None
        while time.monotonic() < deadline:
            quiet = not await self.firing() and not await self.open_incidents()
            quiet_since = (quiet_since or time.monotonic()) if quiet else None
            if quiet_since and time.monotonic() - quiet_since >= QUIET_SECONDS:
                self.resolved_at = time.monotonic()
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def all_targets_up(self, *, seconds: float) -> bool:
        """Wait until every scrape target answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                targets = await self.prometheus.targets()
            except SourceError:
                targets = ()
            if targets and all(target.health == "up" for target in targets):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """Start everything on free ports and wait until no alert fires."""
    folder = tmp_path_factory.mktemp("flow") / "demo"
    async with (
        sample(folder, Options(console_port=None)) as running,
        watched(running),
        _outside(running) as platform,
    ):
        assert await platform.all_targets_up(seconds=60), "a scrape target never came up"
        assert await platform.all_resolved(seconds=120), (
            f"firing at the start: {await platform.firing()}"
        )
        yield platform


class _outside:  # noqa: N801 - reads as a word in `async with`.
    def __init__(self, running: Sample) -> None:
        self._running = running

    async def __aenter__(self) -> Platform:
        settings = load(Path(self._running.config))
        self._prometheus = prometheus_client(settings)
        self._store = await open_store(settings.storage.database_url(settings.folder))
        return Platform(self._running, settings, self._prometheus, self._store)

    async def __aexit__(self, *_: object) -> None:
        await self._prometheus.close()
        await self._store.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long each scenario took to fire and to end."""
    if not TIMES:
        return
    terminalreporter.section("scenarios: seconds to fire, and to end after they were lifted")
    for name, (fired, ended) in TIMES.items():
        terminalreporter.write_line(f"{name:20} {fired:6.1f} {ended:6.1f}")
    fires, ends = zip(*TIMES.values(), strict=True)
    terminalreporter.write_line(f"{'the slowest':20} {max(fires):6.1f} {max(ends):6.1f}")
