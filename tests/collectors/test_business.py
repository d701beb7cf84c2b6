"""What a declared query shows is its own: rows that vanish go, siblings disturb nobody."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.clients.config import DatabaseConfig, QueryConfig
from dexwatch.clients.database import Row
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.collectors.business import BusinessCollector
from dexwatch.metrics import business
from dexwatch.metrics.series import MAX_VALUE, Series


class Answers:
    """A database that gives what a test says: rows by the text of the query, or a failure."""

    def __init__(self, **rows: dict[str, float] | None) -> None:
        self.rows = rows

    async def fetch(self, query: QueryConfig, labels: tuple[str, ...]) -> list[Row]:
        assert labels == ("query",)
        found = self.rows[query.sql]
        if found is None:
            raise SourceError(Outcome.CONNECTION, "the database is not reachable")
        return [Row(value, {"query": name}) for name, value in found.items()]

    async def close(self) -> None:
        pass


class Bench:
    """A collector of which every query is due at each round."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **rows: dict[str, float] | None) -> None:
        queries = [{"metric": "business_query_value", "sql": name} for name in rows]
        config = DatabaseConfig.model_validate({"dsn": "host=127.0.0.1", "queries": queries})
        world: Any = SimpleNamespace(database=config)
        self.series, self.now = Series(), 0.0
        self.answers = Answers(**rows)
        self.collector = BusinessCollector(world, self.series)
        self.collector._database = self.answers  # type: ignore[assignment]
        monkeypatch.setattr("dexwatch.clock.monotonic", lambda: self.now)

    async def round(self) -> dict[str, float]:
        self.now += 1_000
        with suppress(SourceError):
            await self.collector.collect()
        return {s.labels["query"]: s.value for s in self.series.samples()}  # type: ignore[misc]


async def test_a_row_that_vanishes_goes_although_another_query_fills_the_metric(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, orders={"open": 1, "stuck": 2}, seven={"seven": 7})
    assert await bench.round() == {"open": 1, "stuck": 2, "seven": 7}
    bench.answers.rows["orders"] = {"open": 3}
    assert await bench.round() == {"open": 3, "seven": 7}
    bench.answers.rows["orders"] = {}
    assert await bench.round() == {"seven": 7}


async def test_a_failing_query_forgets_its_own_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, orders={"open": 1}, seven={"seven": 7})
    await bench.round()
    bench.answers.rows["orders"] = None
    # A single failure is no reason to show nothing.
    assert await bench.round() == {"open": 1, "seven": 7}
    assert await bench.round() == {"open": 1, "seven": 7}
    assert await bench.round() == {"seven": 7}
    bench.answers.rows["orders"] = {"open": 2}
    assert await bench.round() == {"open": 2, "seven": 7}


async def test_labels_longer_than_a_label_may_be_are_forgotten_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "x" * (MAX_VALUE + 5)
    bench = Bench(monkeypatch, a={long: 1, "y": 2}, b={"z": 3})
    assert await bench.round() == {long[:MAX_VALUE]: 1, "y": 2, "z": 3}
    bench.answers.rows["a"] = {"y": 2}
    assert await bench.round() == {"y": 2, "z": 3}


_ROWS = st.none() | st.dictionaries(st.sampled_from("pqrs"), st.integers(0, 9), max_size=4)


@given(st.lists(st.tuples(_ROWS, _ROWS), min_size=1, max_size=8))
async def test_shown_is_what_the_queries_last_gave(
    rounds: list[tuple[dict[str, float] | None, dict[str, float] | None]],
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        bench = Bench(monkeypatch, a={}, b={})
        last: dict[str, dict[str, float]] = {"a": {}, "b": {}}
        failures = {"a": 0, "b": 0}
        for a, b in rounds:
            for name, rows in (("a", a), ("b", b)):
                bench.answers.rows[name] = rows
                failures[name] = failures[name] + 1 if rows is None else 0
                if rows is not None or failures[name] >= 3:
                    last[name] = rows or {}
            shown = await bench.round()
            assert shown.keys() == last["a"].keys() | last["b"].keys()
            for key, value in shown.items():
                assert value in (last["a"].get(key), last["b"].get(key))


def test_the_metric_for_ones_own_figures_bears_the_querys_name() -> None:
    assert business.query_value.labels == ("query",)


async def test_a_query_that_failed_is_told_until_it_gives_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two runs of a rare query the collector would look well, and no alert last."""
    bench = Bench(monkeypatch, orders={"open": 1}, rare=None)
    await bench.round()
    for _ in range(3):
        with pytest.raises(SourceError, match="not reachable"):
            await bench.collector.collect()
    bench.answers.rows["rare"] = {"rare": 2}
    assert await bench.round() == {"open": 1, "rare": 2}
    await bench.collector.collect()
