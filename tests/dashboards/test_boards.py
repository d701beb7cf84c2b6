"""Every board is sound: ids, queries, words, and a rendering that Grafana's own model accepts."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dexwatch import dashboards
from dexwatch.dashboards import BOARDS
from dexwatch.dashboards.board import Level, PanelKind, Query, Threshold, production_windows
from dexwatch.dashboards.components import COMPONENTS, ORDER, component_of
from dexwatch.dashboards.grafana import render

PANELS = [
    pytest.param(board, panel, id=f"{board.id}/{panel.id}")
    for board in BOARDS
    for panel in board.panels
]


def test_panel_ids_are_unique_and_fit_in_addresses():
    for board in BOARDS:
        ids = [panel.id for panel in board.panels]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one) for one in ids)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_explains_itself_and_asks_valid_questions(board, panel):
    assert panel.good.endswith(".")
    assert panel.empty.endswith(".")
    assert panel.rows
    assert 2 <= panel.width <= 12
    assert len({t.below for t in panel.thresholds}) <= 1
    for query in panel.queries:
        for windows in (production_windows, lambda seconds, cadence="high": "10s"):
            promql_parser.parse(query.expression(windows))
    if panel.kind is PanelKind.TABLE:
        assert len(panel.columns) == len(panel.queries)


def test_every_metric_in_a_query_is_declared():
    from dexwatch.metrics import METRICS

    names = {metric.name for metric in METRICS}
    names |= {f"{name}_{part}" for name in names for part in ("bucket", "sum", "count")}
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                expression = query.expression(production_windows)
                for name in re.findall(r"\b[a-z]+_[a-z0-9_]+(?=[\[{)\s])", expression):
                    assert name in names or not name.startswith(
                        ("bsc_", "dex_", "platform_", "business_", "contract_", "dexwatch_")
                    ), f"{board.id}/{panel.id}: {name}"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_grafana_s_own_model_reads_the_board_and_writes_the_same(board):
    written = json.dumps(render(board))
    model = Dashboard.from_json(json.loads(written))
    again = json.loads(JSONEncoder(sort_keys=True).encode(model))
    assert missing(json.loads(written), again) == []


def missing(ours, theirs, place="$"):
    """Places of `ours` whose value the model lost or changed."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            lost
            for key, value in ours.items()
            for lost in missing(value, theirs.get(key), f"{place}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [lost for n, (a, b) in pairs for lost in missing(a, b, f"{place}[{n}]")]
    return [] if ours == theirs else [f"{place}: {ours!r} became {theirs!r}"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_grafana_panels_stay_on_the_grid_and_never_overlap(board):
    taken: set[tuple[int, int]] = set()
    for panel in render(board)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_the_worst_crossed_threshold_gives_the_level():
    panel = BOARDS[0].panel("api-uptime")
    assert panel is not None
    assert panel.level(1.0) is Level.GOOD
    assert panel.level(0.995) is Level.WARN
    assert panel.level(0.5) is Level.BAD


def test_the_limit_itself_is_still_good():
    assert not Threshold(1, Level.BAD, "x").crossed(1)
    assert not Threshold(1, Level.BAD, "x", below=True).crossed(1)


def test_a_legend_fills_in_labels_and_an_empty_one_lists_them():
    assert Query(str, "{{host}} · {{ missing }}").name({"host": "a"}) == "a"
    assert Query(str).name({"b": "2", "a": "1"}) == "a=1, b=2"


def test_windows_hold_at_least_four_scrapes():
    assert production_windows(1, "high") == "60s"
    assert production_windows(300, "critical") == "300s"


def test_every_component_is_shown_once_and_each_alert_finds_one():
    assert sorted(ORDER) == sorted(component.id for component in COMPONENTS)
    assert component_of({"alertname": "DatabaseSlow", "subject": "database"}).id == "database"
    assert component_of({"alertname": "CpuHigh", "subject": "cpu"}).id == "hosts"
    assert component_of({"alertname": "<b>", "subject": ""}).id == "monitoring"


def test_the_catalogue_holds_every_board():
    folder = Path(dashboards.__file__).parent
    declared = {
        name
        for file in folder.glob("*.py")
        for name in re.findall(r"^([A-Z]+) = Board\(", file.read_text(), re.MULTILINE)
    }
    assert len(declared) == len(BOARDS) == len({board.id for board in BOARDS})
