"""What the observer makes of a Prometheus that answers one question and not the other."""

from datetime import UTC, datetime

import pytest

from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import Point, RuleGroup, RuleState, Series, Target
from dexwatch.console.live.observe import Observer
from dexwatch.dashboards.board import Level
from dexwatch.metrics.component import Component
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.storage.store import open_store
from tests.fakes.hostile import Alertmanager, Prometheus

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def target(health: str) -> Target:
    return Target("api", {"instance": "a:1"}, "http://a:1", health, "", "", 0.1)


def group(*health: str, interval: float = 30.0) -> RuleGroup:
    rules = tuple(RuleState("Ill", "alerting", "up == 0", one, "", "", 0.0) for one in health)
    return RuleGroup("ours", "rules.yml", interval, rules)


class Measured(Prometheus):
    """Nothing fires, is down or broken; it measures these components, or cannot."""

    nothing = True

    def __init__(self, *components: str, fails: bool = False) -> None:
        self.components, self.fails = components, fails
        self.known, self.groups = (target("up"),), (group("ok"),)

    async def query(self, expression, *, at=None):
        if self.fails:
            raise SourceError(Outcome.TIMEOUT, "no answer in 5 s")
        return tuple(Series({"component": one}, (Point(0.0, 1.0),)) for one in self.components)

    async def targets(self):
        return self.known

    async def rules(self):
        return self.groups


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


async def test_a_prometheus_with_no_older_sample_shows_that_figures_are_on_their_way(seen):
    shown = await seen(Measured("monitoring", "cache", "just-begun"))
    assert shown.status.headline == "Figures are on their way"
    assert not shown.well


class BeganAgain(Measured):
    """Its components come from samples of the process before it."""

    def __init__(self, targets, groups) -> None:
        super().__init__("monitoring", "cache")
        self.known, self.groups = targets, groups


@pytest.mark.parametrize(
    ("targets", "groups", "words"),
    [
        ((), (group("ok"),), "Prometheus has no target"),
        ((target("up"),), (), "Prometheus has no alert rule"),
        (
            (target("up"), target("unknown")),
            (group("ok"),),
            "Prometheus has not scraped 1 of 2 targets yet",
        ),
        (
            (target("up"),),
            (group("ok", "unknown"), group("unknown")),
            "Prometheus has not evaluated 2 of 3 alert rules yet",
        ),
    ],
)
async def test_a_prometheus_that_has_just_begun_shows_no_health(seen, targets, groups, words):
    shown = await seen(BeganAgain(targets, groups))
    assert shown.blind == (words,)
    assert (shown.status.level, shown.status.detail) == (Level.UNKNOWN, words)
    assert not shown.well


async def test_a_rule_that_is_evaluated_every_hour_is_not_waited_for(seen):
    groups = (group("ok"), group("unknown", interval=3600.0))
    assert (await seen(BeganAgain((target("up"),), groups))).well


async def test_targets_that_are_not_told_are_no_health(seen):
    class Silent(BeganAgain):
        async def targets(self):
            raise SourceError(Outcome.TIMEOUT, "no answer in 5 s")

    shown = await seen(Silent((), (group("ok"),)))
    assert shown.blind == ("Prometheus does not tell what it watches",)
    assert not shown.well
