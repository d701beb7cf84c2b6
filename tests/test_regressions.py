"""What once went wrong is listed with the tests that would tell of it; each of them exists."""

import re
from functools import cache
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
    folder, _, name = test.partition("::")
    assert name in _names(folder), f"{fault}: name the test that would tell of it now"


@cache
def _names(folder: str) -> set[str]:
    files = (ROOT / folder).rglob("test_*.py")
    found = re.compile(r"^(?:async )?def test_(\w+)", re.MULTILINE)
    return {name for file in files for name in found.findall(file.read_text())}


def test_no_fault_is_listed_twice_or_without_a_test() -> None:
    faults = [fault for entries in SECTIONS.values() for entry in entries for fault in entry]
    assert len(faults) == len(set(faults))
    assert len({fault for fault, _ in PROVED}) == len(faults)
