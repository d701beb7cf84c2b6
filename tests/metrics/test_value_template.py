"""A value in an alert's words: Prometheus writes it as our pages do."""

import json

import pytest

from dexwatch.metrics.metric import Unit
from dexwatch.metrics.value_template import value_template
from tests.fakes import promtool

WRITTEN = [
    (Unit.RATIO, 0.927, "92.7%"),
    (Unit.RATIO, 0.89863, "89.9%"),
    (Unit.RATIO, 0.89999, "90%"),
    (Unit.RATIO, 1, "100%"),
    (Unit.RATIO, 12.3456, "1235%"),
    (Unit.RATIO, 0.056789, "5.68%"),
    (Unit.RATIO, 0, "0%"),
    (Unit.SECONDS, 4.789, "4.79 s"),
    (Unit.SECONDS, 0.1284, "128.4 ms"),
    (Unit.SECONDS, 0.00045, "450 µs"),
    (Unit.SECONDS, 0, "0 s"),
    (Unit.SECONDS, 1, "1 s"),
    (Unit.SECONDS, 90, "90 s"),
    (Unit.SECONDS, 605, "10 min 5 s"),
    (Unit.SECONDS, 3_725, "1 h 2 min"),
    (Unit.SECONDS, 86_400 * 20 + 3_700, "20 d 1 h"),
    (Unit.SECONDS, -3_725, "-1 h 2 min"),
    (Unit.COUNT, 18.3, "18"),
    (Unit.COUNT, 1_000, "1000"),
    (Unit.COUNT, 1_234_567, "1.23M"),
    (Unit.BLOCKS, 12, "12 blocks"),
    (Unit.MULTIPLE, 2.4321, "2.43 times"),
    (Unit.PER_MINUTE, 0.05, "0.05 per minute"),
    (Unit.PER_MINUTE, 133.33, "133 per minute"),
    (Unit.PER_SECOND, 12_345, "12.3k per second"),
    (Unit.BYTES, 999, "999 B"),
    (Unit.BYTES, 1_500, "1.465 KiB"),
    (Unit.BYTES_PER_SECOND, 3 * 2**20, "3 MiB/s"),
    (Unit.WEI, 5e9, "5 Gwei"),
    (Unit.WEI, 5.4321e9, "5.43 Gwei"),
    (Unit.WEI, 500, "500 wei"),
    (Unit.BOOLEAN, 0, "no"),
    (Unit.BOOLEAN, 1, "yes"),
    (Unit.TIMESTAMP, 1_772_438_400, "2026-03-02 08:00:00 +0000 UTC"),
    (Unit.USD, 1_234_567, "1.23M USD"),
]


@pytest.mark.slow
def test_prometheus_writes_values_in_their_unit(tmp_path):
    rules = [
        {
            "alert": f"Value{number}",
            "expr": f"vector({value})",
            "annotations": {"said": value_template(unit)},
        }
        for number, (unit, value, _) in enumerate(WRITTEN)
    ]
    told = [
        {
            "eval_time": "1m",
            "alertname": f"Value{number}",
            "exp_alerts": [{"exp_annotations": {"said": said}}],
        }
        for number, (_, _, said) in enumerate(WRITTEN)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    (tmp_path / "test.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "tests": [{"alert_rule_test": told}]})
    )
    result = promtool.run([tmp_path / "test.yml"])
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("unit", Unit)
def test_every_unit_has_a_template(unit):
    assert "$value" in value_template(unit)
