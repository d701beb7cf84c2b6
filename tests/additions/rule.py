"""An alert rule and its case."""

from tests.additions.addition import Addition

UPKEEP = "src/dexwatch/rules/catalogue/postgres_upkeep_alerts.py"

RULE = Addition(
    {
        UPKEEP: (
            (
                "POSTGRES_ALERTS =",
                """PIGEONS = dataclasses.replace(
    SLOT_UNUSED, id="PigeonsIdle", alert_group="pigeons", inhibits="", threshold=3
)

POSTGRES_ALERTS =""",
            ),
            ("from functools", "import dataclasses\nfrom functools"),
        ),
        "tests/rules/cases_monitoring.py": (
            (
                "CASES_MONITORING = (\n",
                """CASES_MONITORING = (
    Case("PigeonsIdle", (Gauge('pg_replica_inactive_slots{instance="db"}', 0, 4, 3),)),
""",
            ),
        ),
    },
    """
import tempfile
from pathlib import Path
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.reports.coverage import fingerprint
from dexwatch.rules.registry import ALERTS, render
from tests.fakes import promtool
from tests.rules.cases_monitoring import CASES_MONITORING
from tools.reference.rules import page

rule = {each.id: each for each in ALERTS}["PigeonsIdle"]
assert "PigeonsIdle" in render(PRODUCTION)
assert "### PigeonsIdle" in page()
assert fingerprint(rule)
case = {each.rule: each for each in CASES_MONITORING}["PigeonsIdle"]
result = promtool.run([promtool.write(case, rule, Path(tempfile.mkdtemp(dir=".")))])
assert result.returncode == 0, result.stdout
""",
    ("tests/rules/test_alerts.py", "-k", "lacks or promtool_accepts or seen"),
)
