"""What is written to add a part, and that everything else follows from that.

A rule is two files, a board two, a scenario one, a collector three and the file of its metric.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tools", "tests/rules", "tests/fakes", "tests/dashboards")
UPKEEP = "src/dexwatch/rules/catalogue/postgres_upkeep_alerts.py"


@dataclass(frozen=True)
class Addition:
    """What is written to add one part, and what must know it then."""

    files: dict[str, tuple[tuple[str, str], ...]]
    """File to replacements in it; of a file that does not exist yet, ("", its text)."""
    seen: str
    """A script that fails where the part is not known."""
    tests: tuple[str, ...] = ()
    """The arguments of pytest that judge it."""


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
    ("tests/rules/test_alerts.py", "-k", "lacks or promtool_accepts"),
)
BOARD = Addition(
    {
        "src/dexwatch/dashboards/boards/pigeon_board.py": (
            (
                "",
                '''"""Pigeons: are they at home?"""

from dexwatch.dashboards.board import Board, Section
from dexwatch.dashboards.boards.trading_board import SYSTEM

PIGEONS = Board("pigeons", "Pigeons", "Are they home?", 15, (Section("Loft", SYSTEM),), "D-TRADING")
''',
            ),
        ),
        "src/dexwatch/dashboards/registry.py": (
            (
                "from dexwatch.dashboards.boards.trading",
                """from dexwatch.dashboards.boards.pigeon_board import PIGEONS
from dexwatch.dashboards.boards.trading""",
            ),
            ("BLOCKCHAIN)", "BLOCKCHAIN, PIGEONS)"),
        ),
    },
    """
from dexwatch.dashboards.registry import BOARDS
from tools.reference.boards import page

assert [board.id for board in BOARDS][-1] == "pigeons"
assert "Are they home?" in page()
""",
)
SCENARIO = Addition(
    {
        "src/dexwatch/demo/scenarios/exchange.py": (
            (
                "SCENARIOS: tuple[Scenario, ...] = (\n",
                """SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="pigeons-gone",
        title="The pigeons are gone",
        story="Redis has been stopped.",
        raises=("RedisDown",),
        fault=_down("redis"),
    ),
""",
            ),
        ),
    },
    """
from dexwatch.demo.scenarios import SCENARIOS
from tools.reference.scenarios import page

assert "pigeons-gone" in {each.name for each in SCENARIOS}
assert "`pigeons-gone`" in page()
""",
)
COLLECTOR = Addition(
    {
        "src/dexwatch/metrics/business.py": (
            (
                "BUSINESS_METRICS =",
                """pigeons = gauge("business_pigeons", "Pigeons at home.")

BUSINESS_METRICS =""",
            ),
        ),
        "src/dexwatch/collectors/pigeons.py": (
            (
                "",
                '''"""Counts the pigeons that are at home."""

from typing import ClassVar

from dexwatch.collectors.collector import Collector
from dexwatch.metrics import business


class PigeonsCollector(Collector):
    """One comes home with each block."""

    name: ClassVar[str] = "pigeons"

    def on_block(self, block):
        """Count one more."""
        self.series.set(business.pigeons, (self.series.value(business.pigeons) or 0) + 1)
''',
            ),
        ),
        "src/dexwatch/collectors/registry.py": (
            (
                "from dexwatch.collectors.transactions",
                """from dexwatch.collectors.pigeons import PigeonsCollector
from dexwatch.collectors.transactions""",
            ),
            ("    BusinessCollector,\n)", "    BusinessCollector,\n    PigeonsCollector,\n)"),
        ),
        "tests/collectors/test_pigeons.py": (
            (
                "",
                """from dexwatch.collectors.pigeons import PigeonsCollector
from dexwatch.metrics import business
from dexwatch.metrics.series import Series


def test_one_comes_home_with_each_block():
    collector = PigeonsCollector(None, Series())
    collector.on_block(None)
    assert collector.series.value(business.pigeons) == 1
""",
            ),
        ),
    },
    """
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.metrics import METRICS
from tools.reference.metrics import page

assert "pigeons" in {each.name for each in COLLECTORS}
assert "business_pigeons" in {each.name for each in METRICS}
assert "business_pigeons" in page()
""",
    ("tests/collectors/test_pigeons.py", "tests/test_catalogues.py"),
)


@pytest.mark.parametrize(
    ("addition", "files"),
    [(RULE, 2), (BOARD, 2), (SCENARIO, 1), (COLLECTOR, 4)],
    ids=["rule", "board", "scenario", "collector"],
)
def test_a_part_is_so_many_files(tmp_path: Path, addition: Addition, files: int) -> None:
    assert len(addition.files) == files
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/test_catalogues.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name, changes in addition.files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        text = file.read_text() if file.exists() else ""
        for before, after in changes:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        file.write_text(text)

    _python(tmp_path, "-c", addition.seen)
    if addition.tests:
        _python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *addition.tests)


def _python(folder: Path, *arguments: str) -> None:
    paths = os.pathsep.join(map(str, (folder / "src", folder)))
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
