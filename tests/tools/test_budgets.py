"""Code beyond a budget is told, with its place and what to do."""

import ast
import subprocess
from pathlib import Path

import pytest

from tools.budgets import check, length


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def put(project: Path, name: str, text: str = "") -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def findings(project: Path) -> list[str]:
    return [str(finding) for finding in check(project)]


def function(lines: int) -> str:
    return "def watch():\n" + "    pass\n" * (lines - 1)


def test_code_within_the_budgets_is_not_mentioned(project: Path) -> None:
    put(project, "src/dexwatch/rules/host.py", function(50))
    assert findings(project) == []


@pytest.mark.parametrize(("lines", "verdict"), [(51, "note"), (70, "note"), (71, "FAIL")])
def test_a_long_function_is_noted_and_a_very_long_one_fails(
    project: Path, lines: int, verdict: str
) -> None:
    put(project, "src/dexwatch/clock.py", function(lines))
    (found,) = findings(project)
    assert found.startswith(f"{verdict} src/dexwatch/clock.py:1 watch: function of {lines} lines")


@pytest.mark.parametrize(("lines", "verdict"), [(301, "note"), (401, "FAIL")])
def test_a_long_file_is_noted_and_a_very_long_one_fails(
    project: Path, lines: int, verdict: str
) -> None:
    put(project, "tests/test_clock.py", "#\n" * lines)
    (found,) = findings(project)
    assert found.startswith(f"{verdict} tests/test_clock.py: file of {lines} lines")


def test_explaining_a_function_costs_nothing() -> None:
    (node,) = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body
    assert isinstance(node, ast.FunctionDef)
    assert length(node) == 2


def test_a_crowded_folder_fails_unless_it_is_a_catalogue(project: Path) -> None:
    for number in range(13):
        put(project, f"src/dexwatch/console/page{number}.py")
        put(project, f"src/dexwatch/rules/rule{number}.py")
    (found,) = findings(project)
    assert found.startswith("FAIL src/dexwatch/console: 13 modules, the limit is 12")


def test_a_deep_folder_fails(project: Path) -> None:
    put(project, "src/dexwatch/demo/chain/pools/v2.py")
    (found,) = findings(project)
    assert "3 folders deep" in found


def test_a_name_that_says_nothing_fails(project: Path) -> None:
    put(project, "src/dexwatch/demo/helpers.py")
    (found,) = findings(project)
    assert "the name 'helpers' says nothing" in found


def test_what_git_ignores_does_not_count(project: Path) -> None:
    put(project, ".gitignore", "build/\n")
    put(project, "build/utils.py")
    assert findings(project) == []
