"""What the observer makes of a Prometheus that answers one question and not the other."""

from datetime import UTC, datetime

import pytest

from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import Point, Series
from dexwatch.console.live.observe import Observer
from dexwatch.metrics.component import Component
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.storage.store import open_store
from tests.fakes.hostile import Alertmanager, Prometheus

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Measured(Prometheus):
    """Nothing fires; it measures these components, or cannot."""

    nothing = True

    def __init__(self, *components: str, fails: bool = False) -> None:
        self.components, self.fails = components, fails

    async def query(self, expression, *, at=None):
        if self.fails:
            raise SourceError(Outcome.TIMEOUT, "no answer in 5 s")
        return tuple(Series({"component": one}, (Point(0.0, 1.0),)) for one in self.components)


@pytest.fixture
async def seen(tmp_path):
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    alertmanager = Alertmanager()
    alertmanager.nothing = True
    expected = frozenset({Component.MONITORING, Component.CACHE})

    async def observed(prometheus):
        windows = SteppedWindows(PRODUCTION)
        observer = Observer(prometheus, alertmanager, store, windows, expected=expected)
        return await observer.observe(lambda: NOW)

    yield observed
    await store.close()


async def test_what_is_configured_and_measured_is_well(seen):
    assert (await seen(Measured("monitoring", "cache"))).well


async def test_a_measure_that_fails_is_no_health(seen):
    shown = await seen(Measured(fails=True))
    assert shown.blind == ("no component can be measured",)
    assert shown.status.detail == "no component can be measured"
    assert not shown.well


async def test_an_answer_without_a_configured_component_is_no_health(seen):
    shown = await seen(Measured("monitoring"))
    assert shown.status.detail == "no data of Cache"
    assert not shown.well
