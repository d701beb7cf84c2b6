"""What `init` asks, finds and writes."""

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from dexwatch.cli import app
from dexwatch.settings import load
from tests.fakes.command_line import SMALLEST, config

run = CliRunner().invoke


def test_init_asks_nothing_with_yes_and_what_it_writes_passes_check(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"

    made = run(app, ["init", str(file), "--yes", "--name", "Ana DEX"])
    checked = run(app, ["check", "-c", str(file)])

    assert made.exit_code == 0, made.output
    assert checked.exit_code == 0, checked.output
    assert (tmp_path / "hook.token").stat().st_mode & 0o077 == 0
    assert (tmp_path / "users.json").stat().st_mode & 0o077 == 0


def test_the_next_commands_can_be_typed_whatever_the_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / "o'dd $(touch x).yml"

    shown = run(app, ["init", str(file), "--yes", "--name", "a"])

    assert shown.exit_code == 0, shown.output
    [check] = re.findall(r"Next: (.*), then dexwatch doctor", shown.output)
    assert shlex.split(check) == ["dexwatch", "check", "-c", str(file)]


def test_init_never_replaces_a_file_unasked(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)

    shown = run(app, ["init", file, "--yes"])

    assert shown.exit_code == 2
    assert Path(file).read_text() == SMALLEST


def test_init_keeps_addresses_with_keys_in_files_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    rpc = "http://127.0.0.1:1/v1/sesame"

    shown = run(app, ["init", str(file), "--yes", "--rpc", rpc])

    assert shown.exit_code == 0, shown.output
    assert "sesame" not in file.read_text()
    assert (tmp_path / "node-a.http").read_text() == rpc + "\n"
    assert (tmp_path / "node-a.http").stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0


def test_init_offers_an_address_outside_and_a_test_message(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    answers = ["--outside", "https://127.0.0.1:1/ping/sesame", "--notify", "email.host=127.0.0.1"]

    shown = run(app, ["init", str(file), "--yes", *answers, "--notify", "email.to=bo@example.org"])

    assert shown.exit_code == 0, shown.output
    assert "test-notification" in " ".join(shown.output.split())
    settings = load(file)
    assert settings.daemons.deadman.outside_url is not None
    assert "sesame" not in file.read_text()
    assert (tmp_path / "outside.url").stat().st_mode & 0o077 == 0


def test_init_asks_for_what_was_not_given(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"

    shown = run(app, ["init", str(file)], input="Ana DEX\n" + "\n" * 40)

    assert shown.exit_code == 0, shown.output
    assert "pages when our pings stop" in shown.output
    assert load(file).name == "ana-dex"


def test_init_tries_an_address_that_is_named_twice_once(tmp_path: Path) -> None:
    said = "Ana DEX\n\n0x{0}\n0x{0}\n0x{1}\n".format("ab" * 20, "AB" * 20)

    shown = run(app, ["init", str(tmp_path / "dexwatch.yml")], input=said + "\n" * 40)

    assert shown.exit_code == 0, shown.output
    assert shown.output.count("not reached") == 1


def test_base_port_moves_the_console_of_a_configuration_that_init_wrote(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    run(app, ["init", str(file), "--yes"])
    file.write_text(file.read_text() + "base_port: 9900\n")

    assert load(file).console.port == 9900
