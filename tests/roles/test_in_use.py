"""A role that is started again begins with the settings that are in use."""

import json
from pathlib import Path

import pytest
import structlog

from dexwatch.roles.registry import RESPOND, WATCH
from dexwatch.roles.reload.in_use import InUse, settings_in_use
from dexwatch.settings import SettingsError
from dexwatch.settings.document import read_texts

NAMED = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


def test_role_that_begins_again_keeps_what_only_a_restart_changes(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{NAMED}watch: {{port: 7001, max_series: 2000}}\n")
    in_use = InUse(tmp_path, read_texts(file))
    file.write_text(f"{NAMED}watch: {{port: 7002, max_series: 50}}\n")
    in_use.take(read_texts(file))

    began = settings_in_use(WATCH, file, tmp_path)

    assert (began.watch.port, began.watch.max_series) == (7001, 50)


def test_role_begins_again_where_a_secret_is_gone_that_only_the_first_files_named(
    tmp_path: Path,
) -> None:
    file, secret = tmp_path / "dexwatch.yml", tmp_path / "first.dsn"
    secret.write_text("postgresql://ana@127.0.0.1/first")
    file.write_text(f"{NAMED}database: {{dsn: {{file: first.dsn}}}}\nwatch: {{port: 7001}}\n")
    in_use = InUse(tmp_path, read_texts(file))
    file.write_text(f"{NAMED}watch: {{port: 7002, max_series: 50}}\n")
    in_use.take(read_texts(file))
    secret.unlink()

    began = settings_in_use(WATCH, file, tmp_path)

    assert (began.watch.port, began.watch.max_series) == (7001, 50)


def test_role_begins_again_where_a_secret_is_gone_that_only_a_restart_changes(
    tmp_path: Path,
) -> None:
    file, secret = tmp_path / "dexwatch.yml", tmp_path / "hook.token"
    secret.write_text("a-long-enough-token-for-tests")
    named = "name: ana-dex\nrespond: {port: %d, hook_token: %s}\n"
    file.write_text(named % (7001, "{file: hook.token}"))
    in_use = InUse(tmp_path, read_texts(file))
    file.write_text(named % (7002, "another-long-enough-token"))
    in_use.take(read_texts(file))
    secret.unlink()

    with structlog.testing.capture_logs() as logged:
        began = settings_in_use(RESPOND, file, tmp_path)

    assert began.respond.port == 7001
    assert began.respond.hook_token.get_secret_value() == "another-long-enough-token"
    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("config.first_secret_gone", "error")
    ]
    assert "hook.token cannot be read" in logged[0]["reason"]
    assert "restart" in logged[0]["remedy"]


@pytest.mark.parametrize("kept", ["", "5", "[1]", '[{"a": 5}, {}]', "[" * 100_000, "[{}, {}", "\0"])
def test_role_whose_kept_files_are_broken_reads_the_configuration(
    tmp_path: Path, kept: str
) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{NAMED}watch: {{max_series: 50}}\n")
    (tmp_path / "configuration.json").write_text(kept)

    assert settings_in_use(WATCH, file, tmp_path).watch.max_series == 50


@pytest.mark.parametrize("broken", ["first", "used"])
def test_role_whose_kept_files_are_no_configuration_reads_the_files_and_says_so(
    tmp_path: Path, broken: str
) -> None:
    """So they are after an upgrade that knows a setting no more, or when somebody edits them."""
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{NAMED}watch: {{max_series: 50}}\n")
    good = {str(file): f"{NAMED}watch: {{max_series: 60}}\n"}
    bad = {str(file): f"{NAMED}watch: {{max_series: none, no_such_key: 1}}\n"}
    sets = [bad, good, good] if broken == "first" else [good, bad, good]
    (tmp_path / "configuration.json").write_text(json.dumps(sets))

    with structlog.testing.capture_logs() as logged:
        began = settings_in_use(WATCH, file, tmp_path)

    assert began.watch.max_series == 50
    assert [(line["event"], line["log_level"], line["role"]) for line in logged] == [
        ("config.kept_refused", "error", "watch")
    ]
    assert "watch.max_series" in logged[0]["reason"]
    assert "dexwatch reload" in logged[0]["remedy"]


def test_role_whose_kept_files_and_files_are_no_configuration_says_what_to_correct(
    tmp_path: Path,
) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{NAMED}watch: {{max_series: none}}\n")
    InUse(tmp_path, {file: f"{NAMED}watch: {{no_such_key: 1}}\n"})

    with pytest.raises(SettingsError, match=r"watch\.max_series"):
        settings_in_use(WATCH, file, tmp_path)


def test_role_without_kept_files_reads_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{NAMED}watch: {{max_series: 50}}\n")

    assert settings_in_use(WATCH, file, tmp_path).watch.max_series == 50


def test_kept_files_are_read_by_nobody_else(tmp_path: Path) -> None:
    InUse(tmp_path, {tmp_path / "dexwatch.yml": NAMED})

    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]
