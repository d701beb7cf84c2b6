"""What a board is: sections of panels, each panel a question, its queries and what good looks like.

The console renders it live, and `grafana.render` writes the same board as Grafana JSON.
Queries are functions of the windows in use, so that production and the sample (whose scrapes are
much closer together) show the same board with fitting rate windows.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum

from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import Windows
from dexwatch.metrics.severity import Severity

Expression = Callable[[Windows], str]
"""Writes the PromQL text for the windows in use."""


class PanelKind(StrEnum):
    """How a panel draws its answer."""

    STAT = "stat"
    """One number, its level and a small trend."""
    GAUGE = "gauge"
    """One share of a whole, as a filled bar."""
    TIMESERIES = "timeseries"
    BARS = "bars"
    """A top list: one bar a series, largest first."""
    TABLE = "table"
    """One row a series, one column a query; the first legend template names the row."""
    STATUS = "status"
    """One tile a series; the value picks one of the panel's states."""


class Level(StrEnum):
    """What a value means to the reader; colour, shape and words all follow from it."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


LEVEL_OF: Mapping[Severity, Level] = {
    Severity.P0: Level.CRITICAL,
    Severity.P1: Level.WARNING,
    Severity.P2: Level.INFO,
    Severity.P3: Level.INFO,
}
"""The level that a severity has on every page and in every message."""


@dataclass(frozen=True)
class Threshold:
    """A value and what it means to be beyond it."""

    value: float
    level: Level
    meaning: str
    """Completes the sentence "beyond this, ...", for example "users notice the delay"."""
    below: bool = False
    """True where small values are the bad ones."""

    def crossed(self, value: float) -> bool:
        """Is the value beyond the threshold? The threshold itself still counts as good."""
        return value < self.value if self.below else value > self.value


@dataclass(frozen=True)
class State:
    """What one value of a status panel says."""

    word: str
    level: Level


UP_DOWN: Mapping[float, State] = {1.0: State("up", Level.OK), 0.0: State("down", Level.CRITICAL)}


@dataclass(frozen=True)
class Query:
    """One expression; `legend` names its series with `{{label}}` placeholders, in plain words."""

    expression: Expression | str
    """A text is the same for every window."""
    legend: str = ""

    def promql(self, windows: Windows) -> str:
        """Return the expression's text for the windows in use."""
        return self.expression if isinstance(self.expression, str) else self.expression(windows)

    def name(self, labels: Mapping[str, str]) -> str:
        """Return the series' name: the legend with each `{{label}}` filled from the labels."""
        filled = _PLACE.sub(lambda place: labels.get(place[1], ""), self.legend).strip(" ·")
        return filled or ", ".join(
            f"{key}={value}" for key, value in sorted(labels.items()) if key != "__name__"
        )


_PLACE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")


@dataclass(frozen=True)
class Source:
    """What gives a panel its figures; a source that is down is not one that nobody configured."""

    name: str
    up: str
    """PromQL: one series for each instance that is configured, 0 where it does not answer."""


@dataclass(frozen=True)
class Panel:
    """One question and how its answer is drawn.

    `id` is unique within the board and is used in addresses: lower case, digits, hyphens.
    `width` counts twelfths of a row.
    """

    id: str
    title: str
    queries: tuple[Query, ...]
    unit: Unit
    good: str
    """What good looks like, in one sentence."""
    requirements: tuple[str, ...]
    """Ids of the requirement rows that this panel answers."""
    _: KW_ONLY
    empty: str
    """Why nothing is known and what to check, in one sentence; never that all is well.

    Where nothing is the good answer, the query gives a zero while its source reports.
    """
    source: Source | None = None
    """While it is down, an empty panel says so instead of `empty`."""
    kind: PanelKind = PanelKind.TIMESERIES
    thresholds: tuple[Threshold, ...] = ()
    states: Mapping[float, State] = field(default_factory=lambda: UP_DOWN)
    refresh_seconds: int | None = None
    """None: the board's rate."""
    width: int = 4
    decimals: int | None = None
    stacked: bool = False
    limit: int = 8
    """Most series that are drawn; a top list keeps the largest."""
    columns: tuple[tuple[str, Unit], ...] = ()
    """For a table: title and unit of each query's column."""
    floor: float | None = 0.0
    """Lowest value of the axis; None lets it follow the data."""

    def level(self, value: float) -> Level:
        """Return what a value means: the worst threshold that it is beyond."""
        if self.kind is PanelKind.STATUS:
            state = self.states.get(value)
            return state.level if state else Level.UNKNOWN
        crossed = [t.level for t in self.thresholds if t.crossed(value)]
        if not self.thresholds:
            return Level.UNKNOWN
        return max(crossed, key=_BADNESS.index, default=Level.OK)


_BADNESS = (Level.UNKNOWN, Level.OK, Level.INFO, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True)
class Section:
    """Panels that answer one larger question."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """One screen. `id` is its address."""

    id: str
    title: str
    purpose: str
    refresh_seconds: int
    sections: tuple[Section, ...]
    requirement: str
    """Id of the requirement row that asks for this board."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels in reading order."""
        return tuple(panel for section in self.sections for panel in section.panels)

    def panel(self, panel_id: str) -> Panel | None:
        """Return the panel of that id, or None."""
        return next((panel for panel in self.panels if panel.id == panel_id), None)

    def refresh(self, panel: Panel) -> int:
        """Return the panel's refresh rate in seconds."""
        return panel.refresh_seconds or self.refresh_seconds
