"""Panel data: what each kind of panel shows, in order, bounded, and empty when there is nothing."""

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.console.live.panel_data import Answer, PlottedSeries, draw, spark
from dexwatch.dashboards.board import Level, Panel, PanelKind, Query, Threshold
from dexwatch.metrics.metric import Unit


def panel(kind, **more):
    return Panel(
        "p",
        "P",
        (Query(str, "{{host}}"),),
        Unit.RATIO,
        "Good.",
        ("X",),
        empty="Nothing yet.",
        kind=kind,
        **more,
    )


def latest(*values):
    return Answer(10.0, latest=[[({"host": name}, value) for name, value in values]])


def test_a_stat_says_what_a_crossed_limit_means():
    shown = panel(PanelKind.STAT, thresholds=(Threshold(0.5, Level.CRITICAL, "it burns"),))
    data = draw(shown, latest(("a", 0.7)))
    assert data.body["number"] == "70"
    assert (data.body["level"], data.body["meaning"]) == (Level.CRITICAL, "it burns")


def test_nothing_and_not_a_number_are_empty_and_say_why():
    for values in ((), (("a", float("nan")),)):
        data = draw(panel(PanelKind.STAT), latest(*values))
        assert (data.state, data.note) == ("empty", "Nothing yet.")


def test_a_top_list_is_sorted_and_bounded():
    data = draw(panel(PanelKind.BARS, limit=2), latest(("a", 0.1), ("b", 0.9), ("c", 0.5)))
    assert [item["name"] for item in data.body["items"]] == ["b", "c"]


def test_status_shows_the_ill_first_so_that_a_bound_never_hides_them():
    values = [(f"h{n}", 1.0) for n in range(30)] + [("ill", 0.0)]
    data = draw(panel(PanelKind.STATUS, limit=5), latest(*values))
    assert data.body["items"][0]["name"] == "ill"
    assert data.body["hidden"] == 26


def test_an_unknown_state_is_not_called_good():
    (item,) = draw(panel(PanelKind.STATUS), latest(("a", 0.5))).body["items"]
    assert item["level"] is Level.UNKNOWN


def test_a_chart_keeps_the_largest_series():
    plotted = [PlottedSeries({"host": f"h{n}"}, [float(n)] * 3) for n in range(20)]
    answer = Answer(10.0, times=[1, 2, 3], series=[plotted])
    data = draw(panel(PanelKind.TIMESERIES, limit=3), answer)
    assert [one["name"] for one in data.body["series"]] == ["h17", "h18", "h19"]
    assert data.body["hidden"] == 17


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=80))
def test_a_trend_stays_in_its_box(values):
    path = spark(values)
    numbers = path.replace("M", " ").replace("L", " ").split()
    assert all(-0.1 <= float(number) <= 100.1 for number in numbers)
