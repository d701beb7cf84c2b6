"""Every board is sound: ids, queries, words, and a rendering that Grafana's own model accepts."""

import json
import re
from dataclasses import replace
from pathlib import Path

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dexwatch import dashboards
from dexwatch.dashboards.board import Level, PanelKind, Query, Section, Threshold
from dexwatch.dashboards.component_health import COMPONENTS, component_of
from dexwatch.dashboards.grafana import render
from dexwatch.dashboards.registry import BOARDS
from dexwatch.demo.profile import DEMO
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.rules.recording_rules import RECORDING_RULES

PROVES = ("C-GRAFANA",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


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
    assert panel.requirements
    assert 2 <= panel.width <= 12
    assert len({t.below for t in panel.thresholds}) <= 1
    for query in panel.queries:
        for windows in (PRODUCTION, DEMO, SteppedWindows(PRODUCTION, 1800)):
            promql_parser.parse(query.promql(windows))
    if panel.kind is PanelKind.TABLE:
        assert len(panel.columns) == len(panel.queries)


def test_every_metric_in_a_query_is_declared():
    from dexwatch.metrics import METRICS

    names = {metric.name for metric in METRICS}
    names |= {f"{name}_{part}" for name in names for part in ("bucket", "sum", "count")}
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                expression = query.promql(PRODUCTION)
                for name in re.findall(r"\b[a-z]+_[a-z0-9_]+(?=[\[{)\s])", expression):
                    assert name in names or not name.startswith(
                        ("bsc_", "dex_", "platform_", "business_", "contract_", "dexwatch_")
                    ), f"{board.id}/{panel.id}: {name}"


def test_no_board_sums_a_day_itself_but_shows_what_a_rule_records():
    recorded = {rule.name for rule in RECORDING_RULES}
    shown = set()
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                expression = query.promql(PRODUCTION)
                assert not re.search(r"\[(24h|1d)\]", expression), f"{board.id}/{panel.id}"
                shown |= set(re.findall(r"[a-z]\w*:[a-z0-9_]+:[a-z0-9_]+", expression))
    assert shown
    assert shown <= recorded


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
    assert panel.level(1.0) is Level.OK
    assert panel.level(0.995) is Level.WARNING
    assert panel.level(0.5) is Level.CRITICAL


def test_the_limit_itself_is_still_good():
    assert not Threshold(1, Level.CRITICAL, "x").crossed(1)
    assert not Threshold(1, Level.CRITICAL, "x", below=True).crossed(1)


def test_a_legend_fills_in_labels_and_an_empty_one_lists_them():
    assert Query(str, "{{host}} · {{ missing }}").name({"host": "a"}) == "a"
    assert Query(str).name({"b": "2", "a": "1"}) == "a=1, b=2"


def test_every_component_is_shown_once_and_an_alert_names_its_own():
    assert sorted(each.component for each in COMPONENTS) == sorted(Component)
    found = component_of({"alertname": "InodesAlmostUsedUp", "component": "hosts"})
    assert found is not None
    assert found.id == "hosts"
    assert component_of({"alertname": "ApiDown", "component": "<b>"}) is None
    assert component_of({"alertname": "ApiDown"}) is None


def expressions(dashboard):
    return {
        target["expr"]: target
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_grafana_s_range_queries_follow_the_range_shown(board):
    found = expressions(render(board))
    for expression, target in found.items():
        if target["range"]:
            rates = re.findall(r"[^a-z_]rate\([^()]*\[([^\]\"]*)\]\)", expression)
            assert set(rates) <= {"$__rate_interval", "15m", "1h", "6h", "1d"}, expression
        else:
            assert "$__" not in expression
    assert any("$__rate_interval" in expression for expression in found)


def test_a_moment_is_given_to_grafana_in_milliseconds():
    moment = replace(BOARDS[0].panels[0], unit=Unit.TIMESTAMP, queries=(Query("time()"),))
    board = replace(BOARDS[0], sections=(Section("x", (moment,)),))
    assert list(expressions(render(board))) == ["(time()) * 1000"]


def test_the_catalogue_holds_every_board():
    folder = Path(dashboards.__file__).parent
    declared = {
        name
        for file in folder.rglob("*.py")
        for name in re.findall(r"^([A-Z]+) = Board\(", file.read_text(), re.MULTILINE)
    }
    assert len(declared) == len(BOARDS) == len({board.id for board in BOARDS})
