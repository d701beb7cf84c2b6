"""A panel's answer, ready for the page: what to write and draw, computed once for all viewers.

`body` depends on the panel's kind and is plain JSON.
Every text in it is foreign: the page sets it by `textContent` only, and templates escape it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from dexwatch.dashboards.board import Level, Panel, PanelKind
from dexwatch.metrics import units
from dexwatch.metrics.metric import Unit

NAME_LENGTH = 80
SPARK_WIDTH, SPARK_HEIGHT = 100, 28

Labels = Mapping[str, str]
Value = tuple[Labels, float]
"""One series' newest value."""


@dataclass(frozen=True)
class PlottedSeries:
    """One series over a grid of times; None where it has no value."""

    labels: Labels
    values: Sequence[float | None]


@dataclass(frozen=True)
class Answer:
    """What Prometheus said to one panel: newest values and series, both by query."""

    at: float
    latest: Sequence[Sequence[Value]] = ()
    times: Sequence[float] = ()
    series: Sequence[Sequence[PlottedSeries]] = ()


@dataclass(frozen=True)
class PanelData:
    """What a panel shows at one moment; `at` is when its data was asked for, in Unix seconds."""

    panel: str
    state: Literal["ok", "empty", "stale", "failed", "waiting"]
    at: float
    note: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> str:
        """Return it as JSON text."""
        return orjson.dumps(
            {
                "panel": self.panel,
                "state": self.state,
                "at": self.at,
                "note": self.note,
                "body": self.body,
            }
        ).decode()

    def stale(self, note: str) -> "PanelData":
        """Return the same answer, marked as old and why."""
        return replace(self, state="stale" if self.body else "failed", note=note)


def draw(panel: Panel, answer: Answer) -> PanelData:
    """Return what the panel shows for an answer."""
    body = _DRAWERS[panel.kind](panel, answer)
    if body is None:
        return PanelData(panel.id, "empty", answer.at, panel.empty)
    return PanelData(panel.id, "ok", answer.at, "", body)


def meaning(panel: Panel, value: float) -> str:
    """Say what the worst crossed threshold means; nothing where none is crossed."""
    crossed = [t for t in panel.thresholds if t.crossed(value)]
    level = panel.level(value)
    return next((t.meaning for t in crossed if t.level is level), "")


def _stat(panel: Panel, answer: Answer) -> Mapping[str, Any] | None:
    values = [value for _, value in answer.latest[0] if math.isfinite(value)]
    if not values:
        return None
    value = values[0]
    shown = units.format_value(value, panel.unit, panel.decimals)
    trend = answer.series[0][0].values if answer.series and answer.series[0] else ()
    return {
        "number": shown.number,
        "unit": shown.unit,
        "level": panel.level(value),
        "meaning": meaning(panel, value),
        "spark": spark(trend, floor=panel.floor),
    }


def _bars(panel: Panel, answer: Answer) -> Mapping[str, Any] | None:
    rows = [
        (name, value)
        for query, values in zip(panel.queries, answer.latest, strict=True)
        for name, value in _named(query.name, values)
    ]
    rows.sort(key=lambda row: -row[1])
    rows = rows[: panel.limit]
    if not rows:
        return None
    most = max(abs(value) for _, value in rows) or 1.0
    # Shares fill a bar of one whole, unless they are all so small that none could be told apart.
    whole = panel.kind is PanelKind.GAUGE or (panel.unit is Unit.RATIO and most > 0.05)
    full = 1.0 if whole else most
    return {
        "items": [
            {
                "name": name,
                "text": str(units.format_value(value, panel.unit, panel.decimals)),
                "level": panel.level(value),
                "share": round(min(1.0, max(0.0, value / full)), 4),
            }
            for name, value in rows
        ]
    }


def _status(panel: Panel, answer: Answer) -> Mapping[str, Any] | None:
    items = []
    for query, values in zip(panel.queries, answer.latest, strict=True):
        for name, value in _named(query.name, values):
            state = panel.states.get(value)
            level = state.level if state else Level.UNKNOWN
            word = state.word if state else f"{value:g}"
            items.append({"name": name, "word": word, "level": level})
    # The ill ones come first, so that the bound never hides them.
    order = [Level.CRITICAL, Level.WARNING, Level.INFO, Level.UNKNOWN, Level.OK]
    items.sort(key=lambda item: (order.index(Level(item["level"])), item["name"]))
    hidden = max(0, len(items) - panel.limit)
    return {"items": items[: panel.limit], "hidden": hidden} if items else None


def _table(panel: Panel, answer: Answer) -> Mapping[str, Any] | None:
    rows: dict[str, list[str]] = {}
    for column, (query, values) in enumerate(zip(panel.queries, answer.latest, strict=True)):
        _, unit = panel.columns[column]
        for name, value in _named(query.name, values):
            cells = rows.setdefault(name, [units.DASH] * len(panel.columns))
            cells[column] = str(units.format_value(value, unit))
    if not rows:
        return None
    shown = sorted(rows.items())[: panel.limit]
    return {"rows": [{"name": name, "cells": cells} for name, cells in shown]}


def _timeseries(panel: Panel, answer: Answer) -> Mapping[str, Any] | None:
    found: list[tuple[str, Sequence[float | None]]] = [
        (query.name(track.labels)[:NAME_LENGTH] or panel.title, track.values)
        for query, plotted in zip(panel.queries, answer.series, strict=True)
        for track in plotted
        if any(value is not None for value in track.values)
    ]
    if not found:
        return None
    if len(found) > panel.limit:
        found.sort(key=lambda row: -_weight(row[1]))
    shown = sorted(found[: panel.limit]) if len(panel.queries) == 1 else found[: panel.limit]
    return {
        "times": list(answer.times),
        "series": [{"name": name, "values": values} for name, values in shown],
        "hidden": len(found) - len(shown),
    }


def _weight(values: Sequence[float | None]) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


def _named(name_of: Any, values: Sequence[Value]) -> list[tuple[str, float]]:  # noqa: ANN401
    return [
        (name_of(labels)[:NAME_LENGTH], value) for labels, value in values if math.isfinite(value)
    ]


def spark(values: Sequence[float | None], *, floor: float | None = 0.0) -> str:
    """Return a small trend as the `d` of an SVG path in a box of 100 by 28."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    # Before its first value a series has nothing to show: a young one gets the whole width.
    values = values[next(n for n, value in enumerate(values) if value is not None) :]
    low, high = min(known), max(known)
    if floor is not None and low >= floor and low < (high - low) * 2:
        low = floor
    size = (high - low) or 1.0
    middle = high == low
    path, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x = index * SPARK_WIDTH / (len(values) - 1)
        share = 0.5 if middle else (value - low) / size
        y = SPARK_HEIGHT - 2 - share * (SPARK_HEIGHT - 4)
        path.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(path)


_DRAWERS = {
    PanelKind.STAT: _stat,
    PanelKind.GAUGE: _bars,
    PanelKind.BARS: _bars,
    PanelKind.STATUS: _status,
    PanelKind.TABLE: _table,
    PanelKind.TIMESERIES: _timeseries,
}
