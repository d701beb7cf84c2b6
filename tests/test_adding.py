"""What is written to add a part, and that everything else follows from that.

A rule is two files, a board two, a scenario one, a collector three, an exporter and a role four; a
receiver is its folder, its tests and one line, and so is a notifier
(`tests/notifiers/test_adding.py`).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from tests.additions.addition import Addition
from tests.additions.board import BOARD
from tests.additions.collector import COLLECTOR
from tests.additions.exporter import EXPORTER
from tests.additions.receiver import RECEIVER
from tests.additions.role import ROLE
from tests.additions.rule import RULE
from tests.additions.scenario import SCENARIO

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tools", "tests/rules", "tests/fakes", "tests/dashboards")


@pytest.mark.parametrize(
    ("addition", "files"),
    [(RULE, 2), (BOARD, 2), (SCENARIO, 1), (COLLECTOR, 3), (EXPORTER, 4), (RECEIVER, 3), (ROLE, 4)],
    ids=["rule", "board", "scenario", "collector", "exporter", "receiver", "role"],
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
