"""What is written to add a part, and that everything else follows from that.

A rule is two files, a board two, a scenario one, a collector three, an exporter four; a receiver is
its folder, its tests and one line, and so is a notifier (`tests/notifiers/test_adding.py`).
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

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
    ("tests/rules/test_alerts.py", "-k", "lacks or promtool_accepts or seen"),
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
        "src/dexwatch/metrics/pigeons.py": (
            (
                "",
                '''"""Pigeons."""

from dexwatch.metrics.metric import gauge

at_home = gauge("pigeons_at_home", "Pigeons at home.")
''',
            ),
        ),
        "src/dexwatch/collectors/pigeons.py": (
            (
                "",
                '''"""Counts the pigeons that are at home."""

from typing import ClassVar

from dexwatch.collectors.collector import Collector
from dexwatch.metrics import pigeons


class PigeonsCollector(Collector):
    """One comes home with each block."""

    name: ClassVar[str] = "pigeons"

    def on_block(self, block):
        """Count one more."""
        self.series.set(pigeons.at_home, (self.series.value(pigeons.at_home) or 0) + 1)
''',
            ),
        ),
        "tests/collectors/test_pigeons.py": (
            (
                "",
                """from dexwatch.collectors.pigeons import PigeonsCollector
from dexwatch.metrics import pigeons
from dexwatch.metrics.series import Series


def test_one_comes_home_with_each_block():
    collector = PigeonsCollector(None, Series())
    collector.on_block(None)
    assert collector.series.value(pigeons.at_home) == 1
""",
            ),
        ),
    },
    """
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.metrics import METRICS
from tools.reference.metrics import page

assert "pigeons" in {each.name for each in COLLECTORS}
assert "pigeons_at_home" in {each.name for each in METRICS}
assert "pigeons_at_home" in page()
""",
    ("tests/collectors/test_pigeons.py",),
)

EXPORTER = Addition(
    {
        "src/dexwatch/daemons/exporters/pigeon.py": (
            (
                "",
                '''"""pigeon_exporter: one process for all lofts."""

from dexwatch.daemons.exporters.exporter import Exporter
from dexwatch.daemons.program import Port, Program, TcpReady
from dexwatch.daemons.programs.scrape import group, job
from dexwatch.metrics.scrape_class import ScrapeClass


def _programs(plan):
    port = plan.config.pigeon.port
    return [
        Program(
            name="pigeon-exporter",
            requirements=("C-DB-EXP",),
            argv=("prometheus-pigeon-exporter",),
            package="prometheus-pigeon-exporter",
            ports=(Port("daemons.pigeon.port", port),),
            ready=TcpReady(port),
        )
    ]


def _jobs(scrape):
    config = scrape.config
    port, lofts = config.pigeon.port, config.pigeon.targets
    groups = [group(config, port, {"instance": loft.name}) for loft in lofts]
    return [job("pigeon", ScrapeClass.STANDARD, scrape.profile, groups=groups)]


PIGEON = Exporter(
    package="prometheus-pigeon-exporter",
    wanted=lambda config: bool(config.pigeon.targets),
    programs=_programs,
    jobs=_jobs,
)
''',
            ),
        ),
        "src/dexwatch/daemons/exporters/__init__.py": (
            (
                "from dexwatch.daemons.exporters.postgres",
                """from dexwatch.daemons.exporters.pigeon import PIGEON
from dexwatch.daemons.exporters.postgres""",
            ),
            ("NGINX)", "NGINX, PIGEON)"),
        ),
        "src/dexwatch/daemons/programs/exporter_config.py": (
            (
                "class ExportersConfig",
                '''class PigeonConfig(TargetsConfig):
    """pigeon_exporter: one process for all lofts."""

    port: PortNumber = 8919


class ExportersConfig''',
            ),
            (
                "    nginx: NginxConfig = NginxConfig()\n",
                """    nginx: NginxConfig = NginxConfig()
    pigeon: PigeonConfig = PigeonConfig()
""",
            ),
        ),
        "tests/daemons/programs/test_pigeon.py": (
            (
                "",
                """from tests.fakes.planned import jobs

LOFT = {"pigeon": {"targets": [{"name": "loft"}]}}


def test_a_loft_is_scraped(tmp_path):
    [group] = jobs(LOFT, tmp_path)["pigeon"]["static_configs"]
    assert (group["targets"], group["labels"]["instance"]) == (["127.0.0.1:8919"], "loft")
""",
            ),
        ),
    },
    """
from dexwatch.settings import Settings
from tools.reference.settings import page

settings = Settings.model_validate(
    {
        "name": "ana-dex",
        "base_port": 9900,
        "respond": {"hook_token": "a-long-enough-token"},
        "daemons": {"pigeon": {"targets": [{"name": "loft"}]}},
    }
)
assert settings.daemons.listeners()["daemons.pigeon.port"] == 9919
assert "### daemons.pigeon" in page()
""",
    ("tests/daemons/programs/test_pigeon.py", "tests/daemons/programs/test_registry.py"),
)
RECEIVER = Addition(
    {
        "src/dexwatch/receivers/pigeon/__init__.py": (
            (
                "",
                '''"""Pigeons that bring alerts."""

from starlette.responses import Response
from starlette.routing import Route

from dexwatch.receivers.receiver import Receiver


def _routes(inbound):
    async def pigeon(_request):
        inbound.count("accepted")
        return Response()

    return [Route("/hooks/pigeon", pigeon, methods=["POST"])]


RECEIVER = Receiver("Pigeon", "pigeon", routes=_routes, requirements={"R-DEDUP": ""})
''',
            ),
        ),
        "src/dexwatch/receivers/registry.py": (('("alertmanager",', '("alertmanager", "pigeon"'),),
        "tests/receivers/test_pigeon.py": (
            (
                "",
                """from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dexwatch.receivers.receiver import Inbound
from dexwatch.receivers.registry import routes
from dexwatch.response.self_metrics import SelfMetrics


def test_a_pigeon_is_counted_apart():
    metrics = SelfMetrics()
    app = Starlette(routes=routes(Inbound(None, SecretStr("t")), metrics.received))
    assert TestClient(app).post("/hooks/pigeon").status_code == 200
    counted = {tuple(one.labels.values()): one.value for one in metrics.samples() if one.value}
    assert counted == {("pigeon", "accepted"): 1}
""",
            ),
        ),
    },
    """
from dexwatch.cli.coverage import plugins

assert plugins()["receiver pigeon"].tests == "tests/receivers/test_pigeon.py"
""",
    ("tests/receivers/test_pigeon.py",),
)


@pytest.mark.parametrize(
    ("addition", "files"),
    [(RULE, 2), (BOARD, 2), (SCENARIO, 1), (COLLECTOR, 3), (EXPORTER, 4), (RECEIVER, 3)],
    ids=["rule", "board", "scenario", "collector", "exporter", "receiver"],
)
def test_a_part_is_so_many_files(tmp_path: Path, addition: Addition, files: int) -> None:
    assert len(addition.files) == files
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    wanted = [name for name in addition.tests if (ROOT / name).is_file()]
    for name in ("pyproject.toml", *wanted):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name, changes in addition.files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text() if file.exists() else ""
        for before, after in changes:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        file.write_text(text)

    if addition.tests:
        # One process for both: most of the time goes into imports.
        (tmp_path / "test_seen.py").write_text(f"def test_seen():{indent(addition.seen, '    ')}")
        quiet = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_seen.py")
        _python(tmp_path, *quiet, *addition.tests)
    else:
        _python(tmp_path, "-c", addition.seen)


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
