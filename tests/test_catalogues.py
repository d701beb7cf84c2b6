"""Nothing is missing from a catalogue, listed or found, and nothing is in it twice."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

import pytest

from dexwatch.collectors.collector import Collector
from dexwatch.dashboards.board import Board
from dexwatch.demo.scenarios.scenario import Scenario
from dexwatch.metrics.metric import Metric
from dexwatch.notifiers.channel import Channel
from dexwatch.receivers.receiver import Receiver
from dexwatch.rules.rule import AlertRule, RecordingRule


@dataclass(frozen=True)
class Catalogue:
    """A package, the list and the module it stands in, what counts as an entry, and its name.

    `kind` is a class, or says of any value whether it declares an entry.
    """

    package: str
    module: str
    list_name: str
    kind: type | Callable[[object], bool]
    key: Callable[[object], str]

    def __str__(self) -> str:
        return f"{self.package}.{self.list_name}"

    def listed(self) -> list[str]:
        entries = getattr(importlib.import_module(self.module), self.list_name)
        return [self.key(entry) for entry in entries]


def is_collector(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Collector) and value is not Collector


CATALOGUES = (
    Catalogue("dexwatch.metrics", "dexwatch.metrics", "METRICS", Metric, lambda one: one.name),
    Catalogue("dexwatch.rules", "dexwatch.rules.registry", "ALERTS", AlertRule, lambda one: one.id),
    Catalogue(
        "dexwatch.rules",
        "dexwatch.rules.recording_rules",
        "RECORDING_RULES",
        RecordingRule,
        lambda one: one.name,
    ),
    Catalogue(
        "dexwatch.dashboards", "dexwatch.dashboards.registry", "BOARDS", Board, lambda one: one.id
    ),
    Catalogue(
        "dexwatch.demo.scenarios",
        "dexwatch.demo.scenarios",
        "SCENARIOS",
        Scenario,
        lambda one: one.name,
    ),
    Catalogue(
        "dexwatch.collectors",
        "dexwatch.collectors.registry",
        "COLLECTORS",
        is_collector,
        lambda one: one.name,
    ),
    Catalogue(
        "dexwatch.receivers",
        "dexwatch.receivers.registry",
        "RECEIVERS",
        Receiver,
        lambda one: one.source,
    ),
    Catalogue(
        "dexwatch.notifiers",
        "dexwatch.notifiers.registry",
        "NOTIFIERS",
        Channel,
        lambda one: one.name,
    ),
)


def modules(package: str) -> Iterable[ModuleType]:
    parent = importlib.import_module(package)
    for found in pkgutil.walk_packages(parent.__path__, prefix=f"{package}."):
        yield importlib.import_module(found.name)


def declared(value: object, kind: type | Callable[[object], bool]) -> Iterable[object]:
    """Yield the entries in a module's variable: one, or those of a tuple."""
    values = value if isinstance(value, tuple) else (value,)
    for entry in values:
        if isinstance(entry, kind) if isinstance(kind, type) else kind(entry):
            yield entry


@pytest.fixture(params=CATALOGUES, ids=str)
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return request.param


def test_nothing_is_listed_twice(catalogue: Catalogue) -> None:
    assert [name for name, count in Counter(catalogue.listed()).items() if count > 1] == []


def test_nothing_that_is_declared_is_missing(catalogue: Catalogue) -> None:
    listed = set(catalogue.listed())
    missing = {
        f"{module.__name__}.{name}: {catalogue.key(entry)}"
        for module in modules(catalogue.package)
        for name, value in vars(module).items()
        for entry in declared(value, catalogue.kind)
        if catalogue.key(entry) not in listed
    }
    assert sorted(missing) == []


def test_a_catalogue_is_not_empty(catalogue: Catalogue) -> None:
    assert catalogue.listed()


def test_scenarios_raise_alerts_that_exist() -> None:
    rules = importlib.import_module("dexwatch.rules.registry").ALERTS
    scenarios = importlib.import_module("dexwatch.demo.scenarios").SCENARIOS
    known = {rule.id for rule in rules}
    unknown = {
        f"{scenario.name}: {name}"
        for scenario in scenarios
        for name in (*scenario.raises, *scenario.also)
        if name not in known
    }
    assert sorted(unknown) == []
