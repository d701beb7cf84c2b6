"""What `dexwatch coverage` shows of each requirement."""

import json
from pathlib import Path

import pytest

from dexwatch.cli import app
from dexwatch.cli.present import out
from dexwatch.reports.requirements import requirements
from tests.fakes.command_line import SMALLEST, config, run


def test_coverage_names_its_columns_and_says_what_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_width", 200)
    file = config(tmp_path, SMALLEST)

    shown = run(app, ["coverage", "-c", file]).output.splitlines()

    heading = next(line for line in shown if line.strip().startswith("requirement"))
    assert heading.split() == ["requirement", "state", "asks", "for", "shown", "by", "missing"]
    row = next(line for line in shown if line.strip().startswith("C-NODE-EXP "))
    assert row.index("node_exporter measures the hosts") == heading.index("asks for")


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_sentence_is_cut_to_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(out, "_width", width)
    file = config(tmp_path, SMALLEST)

    shown = run(app, ["coverage", "-c", file]).output

    longest = max(requirements(), key=lambda one: len(one.text))
    assert longest.text not in shown
    row = next(line for line in shown.splitlines() if f"{longest.id} " in line)
    assert longest.text[:16] in row
    assert "…" in row
    assert all(len(line) <= width for line in shown.splitlines())


def test_on_a_narrow_terminal_each_requirement_is_named_whole_in_lines_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_width", 80)
    file = config(tmp_path, SMALLEST)

    shown = run(app, ["coverage", "-c", file]).output.splitlines()

    heads = [line.split()[1] for line in shown if line.startswith(("proved ", "partly ", "open "))]
    assert heads == [one.id for one in requirements()]
    details = [line for line in shown if line.startswith("  ")]
    assert details
    assert all(line.startswith(("  shown by ", "  missing  ")) for line in details)
    assert len(shown) == len(heads) + len(details) + 2
    assert all(len(line) <= 80 for line in shown)


def test_machines_get_the_whole_sentence(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)

    found = json.loads(run(app, ["coverage", "-c", file, "--json"]).stdout)["requirements"]

    assert {one["id"]: one["text"] for one in found} == {one.id: one.text for one in requirements()}
