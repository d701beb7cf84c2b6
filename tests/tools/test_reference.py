"""The reference is written from the definitions, whole and the same every time."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from dexwatch.metrics import METRICS
from dexwatch.rules.registry import ALERTS
from dexwatch.settings import Settings
from tools.reference import PAGES, markdown, write
from tools.reference.__main__ import stale
from tools.reference.settings import attribute_docs, type_name

PROVES = ("U-DOCS",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_every_time(name: str) -> None:
    assert write(name) == write(name)


def test_every_metric_is_documented() -> None:
    page = write("metrics")
    assert [metric.name for metric in METRICS if f"| `{metric.name}` |" not in page] == []


def test_every_rule_is_documented_under_its_name() -> None:
    page = write("rules")
    assert [rule.id for rule in ALERTS if f"\n### {rule.id}\n" not in page] == []


def test_every_setting_of_the_top_level_is_documented() -> None:
    page = write("settings")
    assert [name for name in Settings.model_fields if f"| `{name}` |" not in page] == []


def test_a_page_that_is_missing_old_or_foreign_is_told(tmp_path: Path) -> None:
    folder = tmp_path
    for name in PAGES:
        (folder / f"{name}.md").write_text(write(name))
    assert list(stale(folder)) == []
    (folder / "rules.md").write_text("old")
    (folder / "cli.md").unlink()
    (folder / "poem.md").write_text("")
    problems = [problem.split(":")[0] for problem in stale(folder)]
    assert problems == [
        "docs/reference/cli.md is missing",
        "docs/reference/rules.md is out of date",
        "docs/reference/poem.md is not generated",
    ]


def test_a_cell_cannot_end_its_table() -> None:
    assert markdown.cell("a | b\nc") == "a \\| b c"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (int | None, "whole number"),
        (SecretStr, "secret text"),
        (Annotated[float, Field(gt=0)], "number"),
        (tuple[str, ...], "list of text"),
        (dict[str, bool], "mapping to true or false"),
        (Literal["v2", "v3"], "`v2`, `v3`"),
    ],
)
def test_types_are_told_in_an_operators_words(annotation: object, words: str) -> None:
    assert type_name(annotation) == words


def test_only_our_own_texts_below_fields_are_taken() -> None:
    assert attribute_docs(Settings)["name"].startswith("The platform's name")
    assert attribute_docs(BaseModel) == {}
