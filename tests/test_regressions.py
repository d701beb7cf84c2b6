"""What once went wrong is listed with the tests that would tell of it; each of them exists."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = yaml.safe_load((ROOT / "tests/regressions.yml").read_text())
PROVED = [
    (fault, test)
    for entries in SECTIONS.values()
    for entry in entries
    for fault, tests in entry.items()
    for test in tests
]


@pytest.mark.parametrize(("fault", "test"), PROVED)
def test_a_fault_of_the_past_has_its_test(fault: str, test: str) -> None:
    file, _, name = test.partition("::")
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert f"test_{name}" in functions, f"{fault}: name the test that would tell of it now"


def test_no_fault_is_listed_twice_or_without_a_test() -> None:
    faults = [fault for entries in SECTIONS.values() for entry in entries for fault in entry]
    assert len(faults) == len(set(faults))
    assert len({fault for fault, _ in PROVED}) == len(faults)
