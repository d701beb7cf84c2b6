"""What the commands say and how they end."""

import asyncio
import io
import json
import os
from pathlib import Path

import pytest

from dexwatch import __version__
from dexwatch.cli import COMMANDS, app, up
from dexwatch.cli.demo import FOLDER, scenario_command
from dexwatch.cli.present import counted
from dexwatch.cli.terminal import SafeConsole
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.supervisor import ProgramState
from dexwatch.roles.registry import RoleSpec
from dexwatch.secret import Withheld
from dexwatch.settings import Settings, load
from dexwatch.storage.store import open_store
from tests.fakes.command_line import SMALLEST, config, run
from tests.fakes.console import seed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    shown = run(app, [name, "--help"])

    assert shown.exit_code == 0, shown.output
    assert "Usage" in shown.output


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_offers_to_change_the_shell(name: str) -> None:
    assert "completion" not in run(app, [name, "--help"]).output


def test_version_is_told_without_a_configuration() -> None:
    shown = run(app, ["--version"])

    assert (shown.exit_code, shown.output) == (0, f"dexwatch {__version__}\n")


@pytest.mark.parametrize(("typed", "meant"), [("statsu", "status"), ("covrage", "coverage")])
def test_a_mistyped_command_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    shown = run(app, [typed])

    assert shown.exit_code == 2
    assert f"Did you mean '{meant}'?" in " ".join(shown.output.split())


def test_status_says_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    text = SMALLEST + "daemons: {mode: external, prometheus: {url: 'http://127.0.0.1:1'}, "
    file = config(tmp_path, text + "alertmanager: {url: 'http://127.0.0.1:1'}}\n")

    shown = run(app, ["status", "-c", file])

    assert shown.exit_code == 1
    assert "dexwatch up" in shown.output


def test_reload_says_as_json_that_nothing_runs(tmp_path: Path) -> None:
    shown = run(app, ["reload", "-c", config(tmp_path, SMALLEST), "--json"])

    assert shown.exit_code == 2
    said = json.loads(shown.stdout)
    assert "no dexwatch runs" in said["error"]
    assert "dexwatch up" in said["remedy"]


@pytest.mark.parametrize("command", ["status", "doctor", "check", "jobs list", "coverage --live"])
def test_who_only_asks_makes_nothing(tmp_path: Path, command: str) -> None:
    """Asked by root before the first start, it would leave what the platform could not read."""
    file = config(
        tmp_path,
        SMALLEST + "daemons: {redis: {targets: [{name: a, url: 'redis://127.0.0.1:1'}]}}\n",
    )

    run(app, [*command.split(), "-c", file])

    assert [path.name for path in tmp_path.iterdir()] == ["dexwatch.yml"]


def test_doctor_names_each_thing_that_fails_with_a_remedy(tmp_path: Path) -> None:
    text = (
        SMALLEST
        + "chain: {endpoints: [{name: node-a, http: 'http://127.0.0.1:1/v1/secret-key'}]}\n"
    )

    shown = run(app, ["doctor", "-c", config(tmp_path, text), "--json"])

    trials = {trial["subject"]: trial for trial in json.loads(shown.stdout)["trials"]}
    assert shown.exit_code == 1
    assert trials["node-a"]["state"] == "failed"
    assert trials["node-a"]["remedy"]
    assert trials["anybody"]["detail"] == "nobody would be told of an alert"
    assert "secret-key" not in shown.output


def test_doctor_tries_what_needs_no_secret_that_is_absent(tmp_path: Path) -> None:
    text = (
        "name: ana-dex\n"
        "respond: {hook_token_file: absent.token}\n"
        "chain: {endpoints: [{name: node-a, http: {env: ABSENT}},"
        " {name: node-b, http: 'http://127.0.0.1:1'}]}\n"
        "database: {dsn: {env: ABSENT}}\n"
        "daemons:\n"
        "  redis: {targets: [{name: a, url: {env: ABSENT}}, {name: b, url: 'redis://127.0.0.1:1'}]}\n"
        "  deadman: {outside_url: {env: ABSENT}}\n"
        "  targets: [{job: a, address: '127.0.0.1:1', token: {env: ABSENT}},"
        " {job: b, address: '127.0.0.1:1'}]\n"
        "notify:\n"
        "  slack: {token: {env: ABSENT}, channels: {P0: '#a'}}\n"
    )

    shown = run(app, ["doctor", "-c", config(tmp_path, text), "--json"])

    assert shown.exit_code == 1, shown.output
    trials = json.loads(shown.stdout)["trials"]
    tried = {(trial["area"], trial["subject"]) for trial in trials}
    absent = {subject for area, subject in tried if area == "secrets"}
    assert {"respond.hook_token", "database.dsn", "notify.slack.token"} <= absent
    assert {("chain", "node-b"), ("redis", "b"), ("target", "b 127.0.0.1:1")} <= tried
    assert (
        not {("chain", "node-a"), ("redis", "a"), ("target", "a 127.0.0.1:1"), ("notify", "slack")}
        & tried
    )


def test_export_writes_files_for_ones_own_daemons(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)

    for what, name in (
        ("prometheus", "prometheus.yml"),
        ("alertmanager", "alertmanager.yml"),
        ("grafana", "overview.json"),
    ):
        shown = run(app, ["export", what, "-c", file, "--to", str(tmp_path / what)])
        assert shown.exit_code == 0, shown.output
        assert (tmp_path / what / name).is_file()


def test_without_queries_only_the_sign_in_is_tried(tmp_path: Path) -> None:
    text = SMALLEST + "database: {dsn: 'postgresql://bo@127.0.0.1:1/x', timeout_seconds: 1}\n"

    shown = run(app, ["doctor", "-c", config(tmp_path, text), "--json"])

    trials = json.loads(shown.stdout)["trials"]
    assert [t["subject"] for t in trials if t["area"] == "database"] == ["connection"]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 alerts"), (1, "1 alert"), (2, "2 alerts"), (1200, "1,200 alerts")]
)
def test_nouns_follow_their_number(number: int, words: str) -> None:
    assert counted(number, "alert") == words


def test_closing_words_name_a_command_that_works_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKELEVEL", "1")
    assert scenario_command(FOLDER) == "make scenario NAME=api-slow"

    monkeypatch.delenv("MAKELEVEL")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", [".venv/bin/dexwatch"])
    assert scenario_command(FOLDER).startswith(".venv/bin/dexwatch scenario ")


def test_up_says_when_things_are_ready_in_lines_or_in_json_but_not_in_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(Path(config(tmp_path, SMALLEST)))
    states = (ProgramState("watch", State.READY, 1, 0, ""),)

    for person in (True, False):
        screen = SafeConsole(file=io.StringIO())
        monkeypatch.setattr(screen, "_force_terminal", person)
        monkeypatch.setattr(up, "out", screen)
        events: list[str] = []
        monkeypatch.setattr(up._log, "info", lambda event, events=events, **_: events.append(event))
        up._Report(settings)(states, started=True)
        lines = screen.file.getvalue()
        assert ("watch" in lines, "Console" in lines) == (person, person)
        assert bool(events) is not person


def test_status_ends_with_1_while_an_incident_is_open(tmp_path: Path) -> None:
    """Prometheus may be away: what our own store knows is said all the same."""
    text = SMALLEST + "daemons: {mode: external, prometheus: {url: 'http://127.0.0.1:1'}, "
    file = config(tmp_path, text + "alertmanager: {url: 'http://127.0.0.1:1'}}\n")
    settings = load(Path(file))
    settings.folder.mkdir(parents=True, exist_ok=True)

    async def open_incident() -> None:
        store = await open_store(settings.storage.database_url(settings.folder))
        await seed(store)
        await store.close()

    asyncio.run(open_incident())
    shown = run(app, ["status", "-c", file, "--json"])

    said = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert not said["well"]
    assert [(one["state"], one["severity"]) for one in said["incidents"]] == [("open", "P1")]
    assert "Prometheus does not answer" in said["blind"]
    assert [one["source"] for one in said["alerts"]] == ["Incidents"]


def test_doctor_shows_warnings_apart_from_failures(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)
    Path(file).chmod(0o666)

    shown = run(app, ["doctor", "-c", file, "--json"])

    states = {trial["area"]: trial["state"] for trial in json.loads(shown.stdout)["trials"]}
    assert states["exposure"] == "warning"


def test_secrets_that_are_exported_are_for_their_reader_alone(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)

    run(app, ["export", "alertmanager", "-c", file, "--to", str(tmp_path / "out")])

    [token] = [p for p in (tmp_path / "out").iterdir() if "token" in p.name]
    assert token.stat().st_mode & 0o077 == 0


def test_scenario_without_a_sample_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    shown = run(app, ["scenario", "api-slow", "--folder", str(tmp_path)])

    assert shown.exit_code == 2
    assert f"demo --folder {tmp_path}" in shown.output


def test_run_takes_one_role_and_its_own_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, Settings]] = []

    async def note(spec: RoleSpec, settings: Settings, file: Path) -> None:
        seen.append((spec.name, settings))

    monkeypatch.setattr(up, "with_reload", note)
    monkeypatch.setattr(up, "log_to", lambda: None)
    shown = run(app, ["run", "watch", "-c", config(tmp_path, SMALLEST)])

    assert shown.exit_code == 0, shown.output
    [(name, settings)] = seen
    assert name == "watch"
    assert isinstance(settings.respond.hook_token, Withheld)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_root_is_warned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(spec: RoleSpec, settings: Settings, file: Path) -> None:
        """Take the place of the role."""

    monkeypatch.setattr(up, "with_reload", nothing)
    monkeypatch.setattr(up, "log_to", lambda: None)
    shown = run(app, ["run", "watch", "-c", config(tmp_path, SMALLEST)])

    assert [line[:17] for line in shown.output.splitlines()] == ["! Running as root"]


def test_up_is_not_ready_while_a_program_waits_for_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = SafeConsole(file=io.StringIO())
    monkeypatch.setattr(screen, "_force_terminal", True)
    monkeypatch.setattr(up, "out", screen)
    report = up._Report(load(Path(config(tmp_path, SMALLEST))))

    report((), started=False)
    report((ProgramState("watch", State.READY, 1, 0, ""),), started=False)
    assert "Console:" not in screen.file.getvalue()

    report((ProgramState("watch", State.READY, 1, 0, ""),), started=True)
    assert "Console:" in screen.file.getvalue()


@pytest.mark.parametrize("person", [True, False])
def test_up_names_the_setting_of_a_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, person: bool
) -> None:
    (tmp_path / "data").write_text("a file where a folder is wanted")
    monkeypatch.setattr(up, "log_to", lambda: None)
    monkeypatch.setattr(up.out, "_force_terminal", person)

    shown = run(app, ["up", "-c", config(tmp_path, SMALLEST + "folder: ./data/below\n")])

    assert shown.exit_code == 1
    assert "(`folder`) a folder that this user may write to?" in " ".join(shown.output.split())


def test_up_says_what_to_remove_where_a_folder_stands_in_the_place_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "data" / "run" / "configuration.json"
    place.mkdir(parents=True)
    monkeypatch.setattr(up, "log_to", lambda: None)

    shown = run(app, ["up", "-c", config(tmp_path, SMALLEST + "folder: ./data\n")])

    assert shown.exit_code == 1
    assert f"Remove what stands at {place}." in " ".join(shown.output.split())
