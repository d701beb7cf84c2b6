"""No panel tells well of what nobody sees: an empty one says what is blind and what to check."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from dexwatch.dashboards.board import Level, Panel, PanelKind
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics.profile import PRODUCTION
from tests.fakes.promtool import binary

PROVES = ("C-GRAFANA",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
DRAWS_LEVELS = {PanelKind.STAT, PanelKind.GAUGE, PanelKind.BARS, PanelKind.STATUS}

NO_BLOCK_SEEN = {
    # What the watch role exposes from its start, and exporters of servers that do not answer.
    'bsc_endpoint_up{endpoint="one"}': "0",
    'bsc_endpoint_requests_total{endpoint="one",outcome="connection"}': "0+1x20",
    'bsc_reorgs_refused_total{endpoint="one"}': "0",
    "bsc_block_gaps_open": "0",
    'chain:reorgs:increase1d{depth="1"}': "0",
    'chain:reorgs:increase1d{depth="3-5"}': "0",
    'probe_success{class="api",instance="api"}': "0",
    'pg_up{instance="main"}': "0",
    'redis_up{instance="main"}': "0",
    "nginx_up": "0",
    'up{job="platform"}': "0",
}
NODE_DIED = NO_BLOCK_SEEN | {
    # A gauge keeps what was seen last.
    "bsc_head_block": "100",
    "bsc_head_received_timestamp_seconds": "-3600",
    "bsc_finality_lag_blocks": "2",
    'contract_paused{contract="router"}': "0",
}
QUIET = {
    'bsc_endpoint_up{endpoint="one"}': "1",
    'bsc_endpoint_requests_total{endpoint="one",outcome="ok"}': "0+1x20",
    "bsc_head_block": "100",
    "bsc_block_gaps_open": "0",
    'chain:reorgs:increase1d{depth="3-5"}': "0",
    'http_server_request_duration_seconds_count{http_response_status_code="200"}': "0+1x20",
    'pg_up{instance="main"}': "1",
}
NONE_IS_GOOD = {
    "overview/errors",
    "blockchain/gaps",
    "blockchain/reorgs",
    "blockchain/reorg-depth",
    "blockchain/rpc-errors",
    "blockchain/state-changes",
    "infrastructure/pg-locks",
}


def good(panel: Panel) -> list[str]:
    """Expressions that have a sample while the panel shows a value as good."""
    asked = [query.promql(PRODUCTION) for query in panel.queries]
    if panel.kind is PanelKind.STATUS:
        fine = [value for value, state in panel.states.items() if state.level is Level.OK]
        return [f"({text}) == {value:g}" for text in asked for value in fine]
    if panel.kind not in DRAWS_LEVELS or not panel.thresholds:
        return []
    if panel.thresholds[0].below:
        return [f"({text}) >= {max(t.value for t in panel.thresholds):g}" for text in asked]
    return [f"({text}) <= {min(t.value for t in panel.thresholds):g}" for text in asked]


def answers(folder: Path, series: dict[str, str], expected: list[tuple[str, bool]]) -> str:
    """What promtool finds wrong: each expression has samples, or none, after five minutes."""
    test = {
        "interval": "15s",
        "input_series": [
            {"series": name, "values": text if "x" in text else f"{text}x20"}
            for name, text in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": f"count({expression}) > bool 0",
                "eval_time": "5m",
                "exp_samples": [{"labels": "{}", "value": 1}] if some else [],
            }
            for expression, some in expected
        ],
    }
    path = folder / "boards.test.yml"
    path.write_text(json.dumps({"tests": [test]}))
    done = subprocess.run(
        [binary(), "test", "rules", path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_a_panel_shows_nothing_where_nothing_is_measured(tmp_path):
    asked = [query.promql(PRODUCTION) for _, panel in PANELS for query in panel.queries]
    assert not answers(tmp_path, {}, [(text, False) for text in asked])


@pytest.mark.parametrize("world", [NO_BLOCK_SEEN, NODE_DIED], ids=["no block seen", "node died"])
def test_no_panel_shows_well_what_its_dead_source_does_not_tell(tmp_path, world):
    claims = [text for _, panel in PANELS for text in good(panel)]
    assert len(claims) > 20
    assert not answers(tmp_path, world, [(text, False) for text in claims])


def test_where_none_is_good_a_zero_says_so_while_the_source_reports(tmp_path):
    found = {f"{board.id}/{panel.id}": panel for board, panel in PANELS}
    asked = [found[name].queries[0].promql(PRODUCTION) for name in sorted(NONE_IS_GOOD)]
    assert not answers(tmp_path, QUIET, [(f"({text}) == 0", True) for text in asked])


@pytest.mark.parametrize(
    ("board", "panel"), [pytest.param(b, p, id=f"{b.id}/{p.id}") for b, p in PANELS]
)
def test_an_empty_panel_says_what_to_check_and_never_that_all_is_well(board, panel):
    assert re.search(r"\b(check|add)\b", panel.empty), panel.empty
