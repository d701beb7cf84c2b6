"""Secrets that others can read, files that they can change, passwords in the clear."""

import shlex
from pathlib import Path

import pytest

from dexwatch.settings import load
from dexwatch.settings.exposure import exposed

TEXT = "name: ana-dex\nrespond: {hook_token: {file: hook.token}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name, text in {
        "dexwatch.yml": TEXT,
        "hook.token": "a-long-enough-token-for-tests\n",
        "users.json": '{"users": []}',
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path / "dexwatch.yml"


def warnings(file: Path) -> list[str]:
    return [f"{p.file.name}: {p.message}" for p in exposed(file, load(file))]


def test_files_that_only_we_may_read_are_well(file: Path) -> None:
    assert warnings(file) == []


@pytest.mark.parametrize("name", ["hook.token", "users.json"])
@pytest.mark.parametrize(("mode", "well"), [(0o644, False), (0o604, False), (0o640, True)])
def test_secret_that_everybody_can_read_is_told(
    file: Path, name: str, mode: int, well: bool
) -> None:
    (file.parent / name).chmod(mode)

    expected = [] if well else [f"{name}: can be read by others (mode {mode:04o})"]
    assert warnings(file) == expected


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_configuration_that_others_can_change_is_told(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert warnings(file) == [f"dexwatch.yml: can be changed by others (mode {mode:04o})"]


def test_configuration_that_holds_no_secret_may_be_read(file: Path) -> None:
    file.chmod(0o644)

    assert warnings(file) == []


def test_configuration_with_a_secret_in_it_may_not(file: Path) -> None:
    file.write_text(TEXT.replace("{file: hook.token}", "a-long-enough-token-for-tests"))
    file.chmod(0o644)

    [warning] = warnings(file)

    assert "holds respond.hook_token" in warning
    assert "a-long" not in warning


def test_parts_in_conf_d_are_looked_at_too(file: Path) -> None:
    (file.parent / "conf.d").mkdir()
    part = file.parent / "conf.d" / "db.yml"
    part.write_text("storage: {url_file: db.url}\n")
    part.chmod(0o666)
    (file.parent / "conf.d" / "db.url").write_text("postgresql://127.0.0.1/x\n")
    (file.parent / "conf.d" / "db.url").chmod(0o644)

    assert {warning.split(":")[0] for warning in warnings(file)} == {"db.yml", "db.url"}


@pytest.mark.parametrize(
    ("console", "well"),
    [
        ("{host: 127.0.0.1}", True),
        ("{host: 0.0.0.0, advertise: watch.example.org}", False),
        ("{host: 10.0.0.1, public_url: 'http://watch.example.org'}", False),
        ("{host: 10.0.0.1, public_url: 'https://watch.example.org'}", True),
    ],
)
def test_passwords_in_the_clear_are_told(file: Path, console: str, well: bool) -> None:
    file.write_text(TEXT + f"console: {console}\n")

    assert (warnings(file) == []) is well


def test_remedy_closes_exactly_what_is_open(file: Path) -> None:
    (file.parent / "hook.token").chmod(0o666)

    [problem] = exposed(file, load(file))

    assert problem.remedy == f"chmod 0640 {file.parent / 'hook.token'}"


def test_remedy_can_be_typed_whatever_the_folder_is_called(file: Path) -> None:
    odd = file.parent / "o'dd $(touch x)"
    odd.mkdir()
    for each in ("dexwatch.yml", "users.json", "hook.token"):
        (file.parent / each).rename(odd / each)
    (odd / "hook.token").chmod(0o666)

    [problem] = exposed(odd / file.name, load(odd / file.name))

    assert shlex.split(problem.remedy) == ["chmod", "0640", str(odd / "hook.token")]
