"""Files that settings name are opened by `check`, `up` and `reload`, before a program hangs."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel

from dexwatch.bounded_file import NamedFile
from dexwatch.cli import check
from dexwatch.daemons import files
from dexwatch.daemons.program import DaemonError
from dexwatch.roles.registry import SUPERVISOR
from dexwatch.roles.up import up
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.named_files import require_whole, unreadable

ODD = {"a pipe": os.mkfifo, "a folder": os.mkdir, "nothing": lambda _: None}
NAMING = {
    "daemons.prometheus.ca_file": "daemons: {{prometheus: {{ca_file: {0}}}}}",
    "daemons.alertmanager.ca_file": "daemons: {{alertmanager: {{ca_file: {0}}}}}",
    "rules.extra_files[1]": "rules: {{extra_files: [good.yml, {0}]}}",
    "console.users_file": "console: {{users_file: {0}}}",
}


def configuration(folder: Path, setting: str) -> Path:
    (folder / "good.yml").write_text("groups: []\n")
    file = folder / "dexwatch.yml"
    file.write_text(
        "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"
        + NAMING[setting].format(folder / "odd")
    )
    return file


@pytest.mark.parametrize("setting", NAMING)
@pytest.mark.parametrize("odd", ODD)
def test_file_that_cannot_be_read_is_told_with_its_setting(
    tmp_path: Path, setting: str, odd: str
) -> None:
    ODD[odd](tmp_path / "odd")
    found = [
        (problem.key, problem.file)
        for problem in unreadable(load(configuration(tmp_path, setting)))
    ]
    # Before the first user is added there is no file of users.
    expected = [] if (setting, odd) == ("console.users_file", "nothing") else [setting]
    assert found == [(key, tmp_path / "odd") for key in expected]


@pytest.mark.parametrize("setting", NAMING)
def test_file_that_can_be_read_is_well(tmp_path: Path, setting: str) -> None:
    (tmp_path / "odd").write_text("groups: []\n")
    assert list(unreadable(load(configuration(tmp_path, setting)))) == []


@pytest.mark.parametrize("setting", NAMING)
def test_check_tells_of_it_and_gives_it_to_no_program(
    tmp_path: Path,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.mkfifo(tmp_path / "odd")
    monkeypatch.setattr(files, "check", lambda _: pytest.fail("a program would hang on it"))
    with pytest.raises(typer.Exit):
        check.check(configuration(tmp_path, setting), as_json=True)
    said = capsys.readouterr().out
    assert said.count("cannot be read") == 1
    assert str(tmp_path / "odd") in said


@pytest.mark.parametrize("setting", NAMING)
def test_file_that_is_being_written_is_waited_for(
    tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rest = tmp_path / "odd", ["groups:\n", "- name: own\n"]
    file.write_text("")

    def write_on(_: float) -> None:
        if rest:
            file.write_text(file.read_text() + rest.pop(0))

    monkeypatch.setattr("time.sleep", write_on)
    require_whole(load(configuration(tmp_path, setting)))
    assert rest == []


def test_file_that_goes_on_changing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "odd"
    file.write_text("")
    monkeypatch.setattr("time.sleep", lambda _: file.write_text(file.read_text() + "#"))
    with pytest.raises(SettingsError, match=r"odd: file: changed while .* Reload when"):
        require_whole(load(configuration(tmp_path, "rules.extra_files[1]")))


async def test_up_refuses_it_before_anything_is_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "odd")
    file = configuration(tmp_path, "rules.extra_files[1]")
    with pytest.raises(DaemonError, match=r"odd: rules\.extra_files\[1\]: cannot be read"):
        await up(load(file, secrets=SUPERVISOR.secrets), file, stop=asyncio.Event())


async def test_up_refuses_settings_that_are_not_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("groups: []\n")
    file = configuration(tmp_path, "rules.extra_files[1]")
    settings = load(file, secrets=SUPERVISOR.secrets)
    file.write_text(f"{file.read_text()}\nwatch: {{max_series: 50}}\n")
    with pytest.raises(DaemonError, match=r"dexwatch\.yml was edited while dexwatch began"):
        await up(settings, file, stop=asyncio.Event())


def test_every_path_but_the_folder_is_marked_as_a_file() -> None:
    marked = dict(paths(Settings, ""))
    assert marked.pop("folder") is False
    assert marked
    assert all(marked.values()), "mark it with NamedFile, and `check` opens it"


def paths(model: type[BaseModel], place: str) -> Iterator[tuple[str, bool]]:
    for name, field in model.model_fields.items():
        kinds = list(plain(field.annotation))
        if Path in kinds:
            yield place + name, any(isinstance(mark, NamedFile) for mark in field.metadata)
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from paths(kind, f"{place}{name}.")


def plain(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from plain(inner)
