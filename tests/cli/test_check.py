"""What `dexwatch check` finds, and where it says so."""

import json
from pathlib import Path

from dexwatch.cli import app
from tests.fakes.command_line import SMALLEST, config, run


def test_check_accepts_the_smallest_configuration(tmp_path: Path) -> None:
    shown = run(app, ["check", "-c", config(tmp_path, SMALLEST)])

    assert shown.exit_code == 0, shown.output
    assert "sound" in shown.output
    assert [path.name for path in tmp_path.iterdir()] == ["dexwatch.yml"], "it left something"


def test_check_names_file_line_key_and_remedy_as_json(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST + "consol: {}\nnonsense: 1\n")

    shown = run(app, ["check", "-c", file, "--json"])

    problems = json.loads(shown.stdout)["problems"]
    assert shown.exit_code == 2
    assert [(p["line"], p["key"]) for p in problems] == [(3, "consol"), (4, "nonsense")]
    assert "console" in problems[0]["remedy"]


def test_check_names_each_unknown_rule_once(tmp_path: Path) -> None:
    rules = "rules: {disable: [RedisDwon], thresholds: {CpuHihg: 0.9}}\n"

    shown = run(app, ["check", "-c", config(tmp_path, SMALLEST + rules)])

    assert shown.exit_code == 1
    [line] = [line for line in shown.output.splitlines() if "there is no rule" in line]
    assert line.count("RedisDwon") == 1
    assert "near: RedisDown" in line
    assert "near: CpuHigh" in line


def test_check_names_unknown_rules_beside_a_setting_that_is_wrong(tmp_path: Path) -> None:
    wrong = "watch: {port: 99999}\nrules: {disable: [RedisDwon]}\n"

    shown = run(app, ["check", "-c", config(tmp_path, SMALLEST + wrong), "--json"])

    assert shown.exit_code == 2
    problems = json.loads(shown.stdout)["problems"]
    assert [(p["line"], p["key"]) for p in problems] == [(3, "watch.port"), (4, "rules")]


def test_check_finds_what_is_wrong_in_rules_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(
        "groups: [{name: own, rules: [{alert: Odd, expr: 'rate(redis_up['}]}]\n"
    )
    file = config(tmp_path, SMALLEST + "rules: {extra_files: [own.yml, absent.yml]}\n")

    shown = run(app, ["check", "-c", file, "--json"])

    places = [problem["place"] for problem in json.loads(shown.stdout)["problems"]]
    assert shown.exit_code == 1
    assert any("own.yml:1: Odd" in place for place in places)
    assert any("absent.yml" in place for place in places)


def test_check_refuses_routes_that_leave_a_page_without_anybody(tmp_path: Path) -> None:
    mail = "{host: 127.0.0.1, tls: none, sender: a@example.org, to: {P2: [bo@example.org]}}"
    file = config(tmp_path, SMALLEST + f"notify: {{email: {mail}}}\n")

    shown = run(app, ["check", "-c", file])

    assert shown.exit_code == 1
    assert "nobody is told of P0" in shown.output


def test_check_warns_of_a_secret_that_others_can_read_and_still_passes(tmp_path: Path) -> None:
    (tmp_path / "hook.token").write_text("a-long-enough-token-for-tests\n")
    (tmp_path / "hook.token").chmod(0o644)
    file = config(tmp_path, "name: ana-dex\nrespond: {hook_token_file: hook.token}\n")

    shown = run(app, ["check", "-c", file, "--json"])

    warned = [p for p in json.loads(shown.stdout)["problems"] if "hook.token" in p["place"]]
    assert shown.exit_code == 0
    assert [problem["level"] for problem in warned] == ["warning"]
    assert "chmod" in warned[0]["remedy"]


def test_check_finds_two_programs_on_one_port(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST + "console: {port: 8901}\nwatch: {port: 7000}\n")

    shown = run(app, ["check", "-c", file, "--json"])

    found = [p for p in json.loads(shown.stdout)["problems"] if p["check"] == "ports"]
    assert shown.exit_code == 1
    assert [(p["place"], p["message"]) for p in found] == [
        ("console.port", "daemons.prometheus.port is 8901 too")
    ]
