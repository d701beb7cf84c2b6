"""What the panel of availability counts, judged by promtool."""

import json
import subprocess
from pathlib import Path

from dexwatch.dashboards.boards.overview_board import AVAILABILITY
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.metrics.scrape_class import ScrapeClass
from tests.fakes import need


def test_an_outage_between_two_evaluations_of_rules_counts(tmp_path: Path) -> None:
    [panel] = [one for one in AVAILABILITY if one.id == "availability"]
    [query] = panel.queries
    # Two scrapes of five seconds fail, at 2015 and 2020 s, where no rule is evaluated.
    down = {"series": 'redis_up{instance="a"}', "values": "1x402 0 0 1x398"}
    up = {"series": 'probe_success{class="api",instance="b"}', "values": "1x810"}
    share = query.promql(SteppedWindows(PRODUCTION))
    assert PRODUCTION.scrape_ms(ScrapeClass.CRITICAL) == 5000
    asked = {
        "expr": f"round(({share}) * 10000)",
        "eval_time": "4000s",
        "exp_samples": [{"labels": "{}", "value": 9972}],
    }
    test = {"interval": "5s", "input_series": [down, up], "promql_expr_test": [asked]}
    file = tmp_path / "availability.yml"
    file.write_text(json.dumps({"evaluation_interval": "30s", "tests": [test]}))

    ended = subprocess.run(
        [need.program("promtool"), "test", "rules", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
