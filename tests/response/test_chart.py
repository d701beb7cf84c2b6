"""The chart of a message shows the alert's own series, the worst first, until now."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.incidents.records import Alert, AlertState
from dexwatch.metrics.severity import Severity
from dexwatch.response.messaging.chart import (
    MAX_LINES,
    ChartSeries,
    chart_of,
    chart_request,
    quantity_of,
)
from tests.fakes.alerts import T0

NOTES = {"query": "up", "unit": "ratio", "threshold": "0.5", "operator": "<"}


def alert(*, operator: str = "<", **labels: str) -> Alert:
    return Alert(
        source="alertmanager",
        fingerprint="f",
        group="g",
        name="ApiUptimeLow",
        severity=Severity.P0,
        labels={"alertname": "ApiUptimeLow", "severity": "P0", **labels},
        annotations={**NOTES, "operator": operator},
        state=AlertState.FIRING,
        began_at=T0,
        starts_at=T0,
        ingested_at=T0,
    )


def series(*values: float, **labels: str) -> ChartSeries:
    first = T0.timestamp() - 60
    return ChartSeries(labels, tuple((first + n, value) for n, value in enumerate(values)))


def drawn(one: Alert, *found: ChartSeries) -> list[str]:
    asked = chart_request(one, title="t", now=T0 + timedelta(minutes=5))
    assert asked is not None
    chart = chart_of(asked, found)
    return [line.label for line in chart.lines] if chart else []


@pytest.mark.parametrize(
    ("operator", "worst_first"),
    [
        ("<", ["low", "half", "high"]),
        ("<=", ["low", "half", "high"]),
        (">", ["high", "half", "low"]),
        (">=", ["high", "half", "low"]),
        ("==", ["half", "high", "low"]),
    ],
)
def test_the_side_that_matters_comes_first(operator: str, worst_first: list[str]) -> None:
    found = (
        series(9, 0.6, pool="half"), series(0, 0.9, pool="high"), series(1, -0.1, pool="low")
    )  # fmt: skip
    assert drawn(alert(operator=operator), *found) == worst_first


def test_of_many_series_the_worst_are_shown() -> None:
    found = [series(n / 100, pool=f"{n:02}") for n in range(40)]
    assert drawn(alert(), *found) == [f"{n:02}" for n in range(MAX_LINES)]
    assert drawn(alert(operator=">"), *found)[0] == "39"


def test_only_the_alerts_own_series_are_shown() -> None:
    found = (
        series(0.0, host="db-1", job="node"),
        series(0.4, host="api-1", job="node", device="sda"),
        series(0.3, host="api-1", job="node", device="sdb"),
    )
    mine = alert(host="api-1", job="other")
    assert drawn(mine, *found) == ["sdb api-1", "sda api-1"]
    assert drawn(alert(host="api-1", device="sda"), *found) == ["sda api-1"]


def test_where_none_is_the_alerts_own_all_are_shown() -> None:
    assert drawn(alert(service="api"), series(1, pool="a"), series(0, pool="b")) == ["b", "a"]
    assert drawn(alert(), series(pool="empty")) == []


@given(since=st.timedeltas(timedelta(hours=-1), timedelta(days=2)))
def test_it_ends_now_and_begins_before_the_alert_but_is_never_long(since: timedelta) -> None:
    now = T0 + since
    asked = chart_request(alert(), title="t", now=now)
    assert asked is not None
    assert asked.end == now
    assert timedelta(minutes=15) <= asked.end - asked.start <= timedelta(hours=3)
    if timedelta(0) <= since <= timedelta(hours=2):
        assert asked.start == T0 - timedelta(minutes=15)


def test_without_a_query_there_is_no_chart() -> None:
    bare = Alert(**{**vars(alert()), "annotations": {}})
    assert chart_request(bare, title="t", now=T0) is None
    odd = Alert(**{**vars(alert()), "annotations": {"query": "up", "threshold": "much"}})
    asked = chart_request(odd, title="t", now=T0)
    assert asked is not None
    assert asked.quantity.threshold is None


@pytest.mark.parametrize(
    ("operator", "threshold", "asked"),
    [("<", "1", "(up) < bool 1"), (">", "0", "(up) > bool 0"), (">=", "0.5", "(up) >= bool 0.5")],
)
def test_of_a_state_yes_says_that_the_alert_fires(
    operator: str, threshold: str, asked: str
) -> None:
    notes = {**NOTES, "unit": "boolean", "operator": operator, "threshold": threshold}
    one = Alert(**{**vars(alert()), "annotations": notes})
    quantity = quantity_of(one)
    assert quantity is not None
    assert (quantity.query, quantity.threshold) == (asked, None)
    assert drawn(one, series(1, 0, pool="well"), series(0, 1, pool="down")) == ["down", "well"]


@pytest.mark.parametrize(
    "odd", [{"operator": "and"}, {"threshold": "much"}], ids=["operator", "threshold"]
)
def test_a_state_that_nobody_compares_is_drawn_as_it_is(odd: dict[str, str]) -> None:
    one = Alert(**{**vars(alert()), "annotations": {**NOTES, "unit": "boolean", **odd}})
    quantity = quantity_of(one)
    assert quantity is not None
    assert quantity.query == "up"
