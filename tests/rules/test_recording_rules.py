"""Figures of a day come from counters, and a restart of the watch role takes nothing of them."""

import json
from pathlib import Path
from typing import Any

from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules import recording_rules
from dexwatch.rules.rendering import render_rules
from tests.fakes import promtool

RULES = (
    recording_rules.volume_day,
    recording_rules.pool_utilisation,
    recording_rules.fee_apr,
    recording_rules.fee_apy,
)
DAY = 1_440
"""Minutes."""


def judge(folder: Path, series: dict[str, str], wanted: dict[str, float | None]) -> None:
    """Let promtool say whether pool a has these figures after two days of series by the minute."""
    (folder / "rules.yml").write_text(render_rules(PRODUCTION, alerts=[], recordings=RULES))
    at = 2 * DAY - 1
    expected: list[dict[str, Any]] = [
        {
            # Prometheus extrapolates to the window's ends, so a part in a hundred is let pass.
            "expr": name if value is None else f"abs({name} / {value} - 1) < bool 0.01",
            "eval_time": f"{at}m",
            "exp_samples": [] if value is None else [{"labels": '{pool="a"}', "value": 1}],
        }
        for name, value in wanted.items()
    ]
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name + '{pool="a"}', "values": values}
                    for name, values in series.items()
                ],
                "promql_expr_test": expected,
            }
        ],
    }
    test = folder / "test.yml"
    test.write_text(json.dumps(document))
    done = promtool.run([test])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_restart_in_the_middle_of_the_day_changes_nothing(tmp_path: Path) -> None:
    """1,000 dollars and 1.70 of fees a minute in a pool of a million, begun anew 8 hours ago."""
    before, after = 2 * DAY - 481, 479
    series = {
        "dex_volume_usd_total": f"0+1000x{before} 0+1000x{after}",
        "dex_lp_fees_usd_total": f"0+1.7x{before} 0+1.7x{after}",
        "dex_tvl_usd": f"1000000x{2 * DAY}",
    }
    apr = DAY * 1.7 * 365 / 1e6
    judge(
        tmp_path,
        series,
        {
            "dex:volume_usd:increase1d": DAY * 1_000,
            "dex:pool_utilisation:ratio1d": DAY * 1_000 / 1e6,
            "dex:fee_apr:ratio1d": apr,
            "dex:fee_apy:ratio1d": (1 + apr / 365) ** 365 - 1,
        },
    )


def test_a_pool_that_is_empty_for_a_moment_does_not_look_busy(tmp_path: Path) -> None:
    series = {
        "dex_volume_usd_total": f"0+1000x{2 * DAY}",
        "dex_tvl_usd": f"1000000x{2 * DAY - 12} 1x20",
    }
    judge(tmp_path, series, {"dex:pool_utilisation:ratio1d": DAY * 1_000 / 1e6})


def test_without_a_tvl_there_is_no_return(tmp_path: Path) -> None:
    series = {
        "dex_volume_usd_total": f"0+1000x{2 * DAY}",
        "dex_lp_fees_usd_total": f"0+1x{2 * DAY}",
        "dex_tvl_usd": f"0x{2 * DAY}",
    }
    names = ("dex:pool_utilisation:ratio1d", "dex:fee_apr:ratio1d", "dex:fee_apy:ratio1d")
    judge(tmp_path, series, dict.fromkeys(names))
