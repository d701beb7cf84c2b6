"""Where evidence of tests lies: the rules that promtool judged, and the last run of the test files.

`tested_rules.json` travels with the package; a test fails when it differs from what promtool saw.
`tests.json` is written by a test run into dexwatch's home and only counts for unchanged files.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from dexwatch.bounded_file import read_file
from dexwatch.reports.coverage import TestFile

RULES_FILE = "tested_rules.json"
TESTS_FILE = "tests.json"
_BYTES_MAX = 10_000_000


def judged_rules() -> Mapping[str, str]:
    """Return rule to the fingerprint of the definition that promtool judged."""
    file = resources.files("dexwatch.reports").joinpath(RULES_FILE)
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def recorded_tests(home: Path) -> dict[str, TestFile]:
    """Return what the last run of each test file shows, and the requirements that it names.

    Paths are relative to the folder in which `home` lies.
    """
    try:
        document = json.loads(read_file(home / TESTS_FILE, _BYTES_MAX))
    except (OSError, ValueError):
        return {}
    root = home.resolve().parent
    return {
        path: TestFile(_outcome(root / path, run), tuple(run.get("proves", ())))
        for path, run in document.items()
    }


def _outcome(file: Path, run: Mapping[str, object]) -> str:
    try:
        unchanged = mark(file) == run["mark"]
    except (OSError, KeyError):
        return "the file is not here"
    if not unchanged:
        return "changed since its last run"
    if run.get("failed"):
        return "failed in its last run"
    if run.get("skipped"):
        return "skipped in part in its last run"
    return "passed" if run.get("passed") else "not run here"


def proves(file: Path) -> tuple[str, ...]:
    """Return the requirement ids in a test file's constant `PROVES`, without running it."""
    for node in ast.parse(read_file(file, _BYTES_MAX)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROVES":
            return tuple(str(each) for each in ast.literal_eval(node.value))
    return ()


def mark(file: Path) -> str:
    """Return a mark that changes with the file's content."""
    return hashlib.sha256(read_file(file, _BYTES_MAX)).hexdigest()[:16]
