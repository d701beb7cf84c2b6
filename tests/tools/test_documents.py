"""Pages whose links, commands or names are wrong are told with file and reason."""

from pathlib import Path

import pytest

from tools.documents import (
    REGISTRIES,
    anchors,
    broken_links,
    unknown_commands,
    unknown_targets,
    unwanted,
)


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    (tmp_path / "rules.md").write_text("# Rules\n\n## CpuHigh\n\n## What to do, and when?\n")
    return tmp_path / "guide.md"


@pytest.mark.parametrize(
    "link",
    [
        "[a](rules.md)",
        "[a](rules.md#cpuhigh)",
        "[a](./rules.md#what-to-do-and-when)",
        "[a](#here)",
        "[a](https://example.org/elsewhere)",
        "```\n[a](nowhere.md)\n```",
    ],
)
def test_links_that_lead_somewhere_are_accepted(guide: Path, link: str) -> None:
    text = f"# Here\n\n{link}\n"
    guide.write_text(text)
    assert list(broken_links(guide, text, guide.parent)) == []


@pytest.mark.parametrize("target", ["nowhere.md", "rules.md#cpulow", "#there"])
def test_links_that_lead_nowhere_are_told(guide: Path, target: str) -> None:
    text = f"# Here\n\n[a]({target})\n"
    guide.write_text(text)
    (problem,) = broken_links(guide, text, guide.parent)
    assert problem.startswith("guide.md: ")
    assert repr(target) in problem


def test_equal_headings_get_numbered_anchors() -> None:
    assert anchors("# Limits\n## Limits\n") == {"limits", "limits-1"}


def test_make_targets_in_code_must_exist() -> None:
    text = "`make run`, then `sudo make packages`.\n```sh\nmake scenario NAME=x\nmake fly\n```\n"
    assert list(unknown_targets("README.md", text, {"run", "packages", "scenario"})) == [
        "README.md: the Makefile has no target 'fly'"
    ]


def test_make_in_prose_is_no_command() -> None:
    assert list(unknown_targets("README.md", "These make sense.", set())) == []


def test_dexwatch_commands_in_code_must_exist() -> None:
    text = "Type `dexwatch up -c dexwatch.yml` or `.venv/bin/dexwatch fly`; dexwatch watches.\n"
    problems = list(unknown_commands("README.md", text))
    assert problems == ["README.md: there is no command `dexwatch fly`"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"curl https://{REGISTRIES[0]}/simple", "package registry"),
        ("see /" + "work/main/src", "path of somebody's machine"),
        ("see /" + "home/ana/notes", "path of somebody's machine"),
        ("as asked in issue" + " 2", "issue by number"),
        ("Fix the receiver (" + "#12)", "issue by number"),
    ],
)
def test_what_must_not_be_named_is_told_with_its_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "notes.py"
    path.write_text(f"# fine\n# {line}\n")
    (problem,) = unwanted("notes.py", path)
    assert problem.startswith("notes.py:2: ")
    assert reason in problem


@pytest.mark.parametrize(
    "line",
    [
        "colour: #123456",
        "channel #alerts",
        "{folder}/home/x",
        "https://a.example/work/x",
        "~/home/x",
    ],
)
def test_what_only_looks_like_it_is_accepted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "style.css"
    path.write_text(line)
    assert list(unwanted("style.css", path)) == []


def test_pictures_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "console.png"
    path.write_bytes(b"\x89PNG\xff\xfe")
    assert list(unwanted("console.png", path)) == []
