"""What the guides show works: configurations load, rule files are sound, none is left unmarked."""

import json
import re
from pathlib import Path

import pytest

from dexwatch.cli import app
from dexwatch.rules.operator_files import lint_files
from dexwatch.rules.registry import render
from dexwatch.settings import load
from tests.fakes import need
from tests.fakes.command_line import config, run
from tools.tree import ROOT

COMPLETE, RULES = "complete configuration", "rule file"
RULE_TEST = "test of the rule file"
REST = "name: bo-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^>]*) -->\n)?```yaml\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
SECRETS = {"DSN": "postgresql://bo@127.0.0.1/dex", "RPC": "http://127.0.0.1:8545"} | {
    "WS": "ws://127.0.0.1:8546",
    "DATABASE": "postgresql://bo@127.0.0.1/dexwatch",
    "REDIS": "redis://127.0.0.1:6379",
}
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md")))


def blocks(*marks: str | None) -> list[object]:
    return [
        pytest.param(found["text"], id=f"{page.stem}-{number}")
        for page in PAGES
        for number, found in enumerate(BLOCK.finditer(page.read_text()), start=1)
        if found["mark"] in marks
    ]


def write(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the file and make up every secret that it names."""
    for name in re.findall(r"\{env: (\w+)\}", text):
        made = next((value for word, value in SECRETS.items() if word in name), "x" * 20)
        monkeypatch.setenv(name, made)
    for name in re.findall(r"\{file: ([^}]+)\}", text):
        (folder / name).write_text("x" * 20)
    file = folder / "dexwatch.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", blocks(COMPLETE))
def test_complete_configurations_load_and_render(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(write(tmp_path, text, monkeypatch))

    assert render(config=settings.rules)


@pytest.mark.parametrize("text", blocks(None))
def test_parts_of_a_configuration_load_with_the_smallest_rest(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(write(tmp_path, REST + text, monkeypatch))


@pytest.mark.parametrize("text", blocks(RULES))
def test_rule_files_are_sound(text: str) -> None:
    found = lint_files({"guide": text})
    assert [finding for finding in found if finding.check != "unknown-metric"] == []


def test_the_rule_file_and_its_test_pass_check_without_a_warning(tmp_path: Path) -> None:
    need.program("promtool")
    page = (ROOT / "docs/guides/contract-team.md").read_text()
    text = {found["mark"]: found["text"] for found in BLOCK.finditer(page) if found["mark"]}
    (tmp_path / "our-contracts.yml").write_text(text[RULES])
    (tmp_path / "our-contracts.test.yml").write_text(text[RULE_TEST])
    file = config(tmp_path, REST + "rules: {extra_files: [our-contracts.yml]}\n")

    Path(file).chmod(0o600)

    shown = run(app, ["check", "-c", file, "--json"])

    problems = json.loads(shown.stdout)["problems"]
    assert shown.exit_code == 0, shown.output
    # The smallest configuration tells nobody, which has nothing to do with its rules.
    assert [problem for problem in problems if problem["check"] != "no-route"] == []


def test_every_mark_is_known() -> None:
    marks = {found["mark"] for page in PAGES for found in BLOCK.finditer(page.read_text())}
    assert marks <= {COMPLETE, RULES, RULE_TEST, None}
    assert COMPLETE in marks


def test_the_index_of_decisions_names_each_once() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    titles = {
        page.name: page.read_text().splitlines()[0].removeprefix("# ")
        for page in folder.glob("[0-9]*.md")
    }
    lines = [f"- [{title[:4]}]({name}) {title[5:]}" for name, title in titles.items()]

    assert [line for line in sorted(lines) if index.count(f"{line}\n") != 1] == []
