"""An empty panel says which of three reasons holds, as a real Prometheus has it."""

from dataclasses import replace

import pytest

from dexwatch.clients.prometheus import Point, Series
from dexwatch.console.live.empty_panels import ON_THEIR_WAY, explained, just_begun
from dexwatch.console.live.panel_data import PanelData
from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Panel, Query
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows

WINDOWS = SteppedWindows(PRODUCTION)
PANEL = Panel("a", "A", (Query("a"),), Unit.COUNT, "Good.", ("X",), empty="Configure it.")
EMPTY = PanelData("a", "empty", 100.0, "Configure it.")
DOWN = f"({sources.POSTGRES.up}) == 0"


class Answers:
    """Gives a series by the labels that it has for a question, and nothing to any other."""

    def __init__(self, **series) -> None:
        self.series, self.asked = series, []

    async def query(self, expression, *, at=None):
        self.asked.append(expression)
        key = "begun" if expression == just_begun(WINDOWS) else "down"
        found = self.series.get(key, ())
        return tuple(Series(labels, (Point(at, 0.0),)) for labels in found)


async def note(panel=PANEL, shown=EMPTY, **series):
    answers = Answers(**series)
    found = await explained(panel, shown, windows=WINDOWS, queries=answers)
    return found.note, answers.asked


async def test_while_prometheus_is_young_figures_are_on_their_way():
    assert (await note(begun=[{}], down=[{"instance": "db"}]))[0] == ON_THEIR_WAY


async def test_a_source_that_is_down_is_told_from_one_that_is_not_configured():
    panel = replace(PANEL, source=sources.POSTGRES)
    words, asked = await note(panel, down=[{"instance": "db-1"}])

    assert words == "The database is configured, but db-1 does not answer; see Targets."
    assert asked[-1] == DOWN
    assert (await note(panel))[0] == "Configure it."


async def test_many_that_are_down_are_counted():
    panel = replace(PANEL, source=sources.POSTGRES)
    words, _ = await note(panel, down=[{"instance": f"db-{n}"} for n in range(5)])

    assert "db-0, db-1, db-2 and 2 more do not answer" in words


async def test_a_panel_with_figures_is_not_asked_about():
    shown = replace(EMPTY, state="ok")

    assert await note(shown=shown) == ("Configure it.", [])


@pytest.mark.parametrize("word", ["postgres", "redis", "nginx", "daemons.node", "daemons.probes"])
def test_panels_that_name_what_to_configure_know_whether_it_is_down(word):
    unsure = [
        f"{board.id}/{panel.id}"
        for board in BOARDS
        for panel in board.panels
        if word in panel.empty and panel.source is None
    ]
    assert unsure == []
