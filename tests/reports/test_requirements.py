"""The catalogue of promises is complete, unique and in our own words."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dexwatch.reports.requirements import requirements

SOURCE = Path(__file__).parents[3] / "shared" / "requirements.yml"


def source() -> dict[str, str]:
    if not SOURCE.exists():
        pytest.skip("the list of requirements lies beside the checkout only where it was written")
    document = YAML(typ="safe").load(SOURCE.read_text())
    return {row["id"]: row["text"] for section in document.values() for row in section}


def test_ids_are_unique_and_every_row_says_something():
    assert len({row.id for row in requirements()}) == len(requirements()) > 150
    assert all(row.text.strip() and row.kind for row in requirements())


def test_no_promise_is_missing_and_none_is_invented():
    assert {row.id for row in requirements()} == set(source())


def test_the_words_are_ours():
    theirs = source()
    assert not [row.id for row in requirements() if row.text == theirs[row.id]]
