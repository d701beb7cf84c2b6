"""System Overview, asked of Prometheus' own engine: that an exporter answers says little."""

import json
import subprocess

import pytest

from dexwatch.dashboards.boards.overview_board import OVERVIEW
from dexwatch.metrics.profile import PRODUCTION
from tests.fakes import need

SERIES = {
    'up{job="redis",instance="cache"}': "1x80",
    'redis_up{job="redis",instance="cache"}': "1x40 0x39",
    'up{job="postgres",instance="platform"}': "1x80",
    'pg_up{job="postgres",instance="platform"}': "1x80",
    'up{job="exchange",instance="api"}': "1x80",
    'probe_success{job="probe",instance="api",class="api"}': "1x80",
    'probe_success{job="probe",instance="shop",class="external"}': "0x80",
}


def asked(panel_id):
    panels = [one for section in OVERVIEW.sections for one in section.panels]
    (panel,) = (one for one in panels if one.id == panel_id)
    return panel.queries[0].promql(PRODUCTION)


WELL = {'{job="exchange"}': 1, '{job="postgres"}': 1, '{job="redis"}': 1}
SHORT = f"({asked('availability')}) < bool 0.999"


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        (asked("services"), "39m", WELL),
        (asked("services"), "70m", WELL | {'{job="redis"}': 0}),
        (SHORT, "39m", {"{}": 0}),
        (SHORT, "70m", {"{}": 1}),
    ],
)
def test_a_server_that_is_down_is_not_shown_as_up(tmp_path, expression, moment, expected):
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    question = {"expr": expression, "eval_time": moment, "exp_samples": samples}
    played = {"interval": "1m", "input_series": series, "promql_expr_test": [question]}
    file = tmp_path / "overview.test.yml"
    file.write_text(json.dumps({"evaluation_interval": "1m", "tests": [played]}))
    command = [need.program("promtool"), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
