"""A board as Grafana's Classic dashboard JSON (schema 41), ready to import or provision.

Shapes follow the JSON model at grafana.com/docs, "Dashboard JSON model"; positions are our own,
on Grafana's grid of 24 columns, because no builder places panels without overflowing it.
"""

from collections.abc import Mapping
from typing import Any

from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Query
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import RATE_SECONDS, SteppedWindows, Windows
from dexwatch.metrics.scrape_class import ScrapeClass

SOURCE = {"type": "prometheus", "uid": "${source}"}
COLUMNS = 24


class GrafanaWindows:
    """Leaves the windows of range queries to Grafana, which knows the step between two points."""

    def window(self, seconds: float, scrape_class: ScrapeClass) -> str:
        """Return `$__rate_interval` where that follows the range shown, else the fixed window.

        It is the greater of four scrapes and one step and a scrape, so nothing between two points
        is left out. See grafana.com/docs, "Prometheus template variables".
        """
        if seconds <= RATE_SECONDS:
            return "$__rate_interval"
        return PRODUCTION.window(seconds, scrape_class)


def render(board: Board) -> dict[str, Any]:
    """Return the dashboard as JSON values."""
    return {
        "uid": f"dexwatch-{board.id}",
        "title": board.title,
        "description": board.purpose,
        "tags": ["dexwatch", board.requirement],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": f"{board.refresh_seconds}s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_source_variable()]},
        "annotations": {"list": [_alerts_annotation()]},
        "panels": _panels(board),
    }


def _panels(board: Board) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    top = 0
    for section in board.sections:
        panels.append(_row(len(panels) + 1, section.title, top))
        top, left, tallest = top + 1, 0, 0
        for panel in section.panels:
            width, height = panel.width * 2, _height(panel)
            if left + width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            place = {"x": left, "y": top, "w": width, "h": height}
            panels.append(_panel(len(panels) + 1, panel, place, board))
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return panels


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        "panels": [],
    }


def _height(panel: Panel) -> int:
    return 4 if panel.kind in {PanelKind.STAT, PanelKind.GAUGE, PanelKind.STATUS} else 8


def _panel(number: int, panel: Panel, place: Mapping[str, int], board: Board) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "id": number,
        "type": _TYPES[panel.kind],
        "title": panel.title,
        "description": f"{panel.good}\n\n{_meanings(panel)}".strip(),
        "datasource": SOURCE,
        "gridPos": dict(place),
        "interval": f"{board.refresh(panel)}s",
        "targets": [_target(index, query, panel) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _columns(panel)},
        "options": _options(panel),
    }
    if panel.kind is PanelKind.TABLE:
        rendered["transformations"] = [{"id": "merge", "options": {}}]
    return rendered


def _target(index: int, query: Query, panel: Panel) -> dict[str, Any]:
    instant = panel.kind in {PanelKind.BARS, PanelKind.TABLE, PanelKind.STATUS}
    windows: Windows = SteppedWindows(PRODUCTION) if instant else GrafanaWindows()
    expression = query.promql(windows)
    if panel.unit is Unit.TIMESTAMP:
        # Grafana's unit wants milliseconds, Prometheus has seconds.
        expression = f"({expression}) * 1000"
    if panel.kind is PanelKind.BARS:
        expression = f"topk({panel.limit}, {expression})"
    return {
        "refId": chr(ord("A") + index),
        "datasource": SOURCE,
        "expr": expression,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": "table" if panel.kind is PanelKind.TABLE else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": _UNITS[panel.unit],
        "noValue": panel.empty,
        "thresholds": {"mode": "absolute", "steps": _steps(panel)},
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.kind in {PanelKind.GAUGE, PanelKind.BARS} and panel.unit is Unit.RATIO:
        defaults |= {"min": 0, "max": 1}
    if panel.kind is PanelKind.STATUS:
        defaults["mappings"] = [
            {
                "type": "value",
                "options": {
                    f"{value:g}": {"text": state.word, "color": _COLOURS[state.level], "index": n}
                    for n, (value, state) in enumerate(panel.states.items())
                },
            }
        ]
    if panel.kind is PanelKind.TIMESERIES:
        defaults["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 25 if panel.stacked else 6,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
        }
    return defaults


def _steps(panel: Panel) -> list[dict[str, Any]]:
    """Grafana colours upwards, so limits from below turn the ladder round."""
    ladder = sorted(panel.thresholds, key=lambda t: t.value)
    if not ladder:
        return [{"color": _COLOURS[Level.UNKNOWN], "value": None}]
    if not ladder[0].below:
        start: list[dict[str, Any]] = [{"color": _COLOURS[Level.OK], "value": None}]
        return start + [{"color": _COLOURS[t.level], "value": t.value} for t in ladder]
    colours = [_COLOURS[t.level] for t in ladder] + [_COLOURS[Level.OK]]
    values: list[float | None] = [None, *(t.value for t in ladder)]
    return [
        {"color": colour, "value": value} for colour, value in zip(colours, values, strict=True)
    ]


def _columns(panel: Panel) -> list[dict[str, Any]]:
    return [
        {
            "matcher": {"id": "byName", "options": f"Value #{chr(ord('A') + index)}"},
            "properties": [
                {"id": "displayName", "value": title},
                {"id": "unit", "value": _UNITS[unit]},
            ],
        }
        for index, (title, unit) in enumerate(panel.columns)
    ]


def _options(panel: Panel) -> dict[str, Any]:
    calculations = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.kind:
        case PanelKind.STAT:
            return {"reduceOptions": calculations, "graphMode": "area", "colorMode": "value"}
        case PanelKind.STATUS:
            return {"reduceOptions": calculations, "graphMode": "none", "colorMode": "background"}
        case PanelKind.GAUGE | PanelKind.BARS:
            return {
                "reduceOptions": calculations,
                "orientation": "horizontal",
                "displayMode": "basic",
            }
        case PanelKind.TABLE:
            return {"showHeader": True}
        case PanelKind.TIMESERIES:
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def _meanings(panel: Panel) -> str:
    return "\n".join(
        f"- {'Below' if t.below else 'Above'} {t.value:g}: {t.meaning}." for t in panel.thresholds
    )


def _source_variable() -> dict[str, Any]:
    return {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "current": {},
    }


def _alerts_annotation() -> dict[str, Any]:
    return {
        "name": "Firing alerts",
        "enable": True,
        "iconColor": _COLOURS[Level.CRITICAL],
        "datasource": SOURCE,
        "expr": 'ALERTS{alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "tagKeys": "severity",
    }


_TYPES = {
    PanelKind.STAT: "stat",
    PanelKind.GAUGE: "bargauge",
    PanelKind.TIMESERIES: "timeseries",
    PanelKind.BARS: "bargauge",
    PanelKind.TABLE: "table",
    PanelKind.STATUS: "stat",
}
_COLOURS = {
    Level.OK: "#2a9d6f",
    Level.INFO: "#3f83d6",
    Level.WARNING: "#e0a100",
    Level.CRITICAL: "#d1495b",
    Level.UNKNOWN: "#7a8594",
}
_UNITS = {
    Unit.COUNT: "short",
    Unit.SECONDS: "s",
    Unit.BYTES: "bytes",
    Unit.RATIO: "percentunit",
    Unit.USD: "currencyUSD",
    Unit.WEI: "none",
    Unit.GAS: "short",
    Unit.BLOCKS: "locale",
    Unit.TIMESTAMP: "dateTimeAsIso",
    Unit.BOOLEAN: "bool_yes_no",
    Unit.PER_SECOND: "cps",
    Unit.PER_MINUTE: "cpm",
    Unit.BYTES_PER_SECOND: "Bps",
    Unit.TOKENS: "short",
    Unit.MULTIPLE: "short",
}
