"""Writes down which test files passed, so that `dexwatch coverage` claims no test that did not."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from dexwatch.reports.record import TESTS_FILE, mark, proves

ROOT = Path(__file__).resolve().parents[2]
_runs: dict[str, Counter[str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count one test's outcome for its file."""
    if report.when == "call" or report.outcome != "passed":
        path = report.nodeid.partition("::")[0]
        _runs.setdefault(path, Counter())[report.outcome] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """Add this session's files to the record; files that were not run keep what they had."""
    home = Path(os.environ.get("DEXWATCH_HOME", ROOT / ".dexwatch"))
    # The workers of a parallel run report to the process that started them, which writes.
    if not home.is_dir() or not _runs or hasattr(config, "workerinput"):
        return
    file = home / TESTS_FILE
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    for path, counts in _runs.items():
        if (ROOT / path).is_file():
            file_run = {"mark": mark(ROOT / path), "proves": proves(ROOT / path)}
            known[path] = {**file_run, **counts}
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(known, indent=1, sort_keys=True))
    draft.replace(file)
