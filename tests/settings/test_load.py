"""The configuration file: every mistake is found at once, and each names place and remedy."""

from pathlib import Path

import pytest

from dexwatch.settings import SettingsError, load

SMALLEST = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "dexwatch.yml"
    file.write_text(text)
    return file


def problems(folder: Path, text: str) -> list[tuple[int, str, str, str]]:
    with pytest.raises(SettingsError) as caught:
        load(write(folder, text))
    return [(p.line, p.key, p.message, p.remedy) for p in caught.value.problems]


def test_smallest_file_is_enough(tmp_path: Path) -> None:
    settings = load(write(tmp_path, SMALLEST))

    assert settings.name == "ana-dex"
    assert settings.folder == (tmp_path / "dexwatch-state").resolve()


def test_unknown_key_names_line_and_nearest_known_key(tmp_path: Path) -> None:
    [(line, key, message, remedy)] = problems(tmp_path, SMALLEST + "consol: {port: 1}\n")

    assert (line, key, message) == (3, "consol", "unknown key")
    assert "`console`" in remedy


def test_all_mistakes_are_found_in_one_run(tmp_path: Path) -> None:
    text = SMALLEST.replace("ana-dex", "Ana DEX") + "console: {port: x}\nnonsense: 1\n"

    assert [line for line, *_ in problems(tmp_path, text)] == [1, 3, 4]


def test_a_secret_that_is_missing_hides_no_other_mistake(tmp_path: Path) -> None:
    text = (
        "nmae: ana-dex\n"
        "respond: {hook_token: {file: ./absent.token}}\n"
        "database: {dsn: {env: NOT_SET_ANYWHERE}}\n"
        "console: {port: {env: NOT_SET_EITHER}}\n"
        "watch: {port: 99999}\n"
    )

    found = problems(tmp_path, text)

    assert sorted((line, key) for line, key, *_ in found) == [
        (0, "name"),
        (1, "nmae"),
        (2, "respond.hook_token"),
        (3, "database.dsn"),
        (4, "console.port"),
        (5, "watch.port"),
    ]


def test_a_value_that_is_given_twice_hides_no_other_mistake(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "more.yml").write_text("name: bo-dex\nwatch: {port: 99999}\n")

    assert [key for _, key, *_ in problems(tmp_path, SMALLEST)] == ["name", "watch.port"]


def test_nested_mistake_is_placed_at_its_own_line(tmp_path: Path) -> None:
    text = (
        SMALLEST
        + "chain:\n  chain_id: 56\n  endpoints:\n    - name: a\n      http: 7\n      htp: x\n"
    )

    found = {key: line for line, key, *_ in problems(tmp_path, text)}

    assert found["chain.endpoints[0].http"] == 7
    assert found["chain.endpoints[0].htp"] == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no settings"),
        ("- a\n- b\n", "holds no settings"),
        ("name: [unclosed\n", "no valid YAML"),
        ("name: a\nname: b\n", "twice"),
    ],
)
def test_file_that_is_no_configuration_is_refused_in_plain_words(
    tmp_path: Path, text: str, words: str
) -> None:
    assert words in problems(tmp_path, text)[0][2]


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="dexwatch init"):
        load(tmp_path / "absent.yml")


def test_secret_comes_from_environment_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM_DSN", "postgresql://bo@127.0.0.1/exchange")
    (tmp_path / "hook.token").write_text("from-a-file-with-a-long-token\nsecond line\n")
    text = "name: a\nrespond: {hook_token: {file: ./hook.token}}\n"
    text += "database: {dsn: {env: PLATFORM_DSN}}\n"

    settings = load(write(tmp_path, text))

    assert settings.respond.hook_token.get_secret_value() == "from-a-file-with-a-long-token"
    assert settings.database is not None
    assert "bo@127.0.0.1" in settings.database.dsn.get_secret_value()


def test_missing_secrets_are_all_named(tmp_path: Path) -> None:
    text = "name: a\nrespond: {hook_token: {env: DEXWATCH_ABSENT}}\n"
    text += "database: {dsn: {file: ./absent}}\n"

    found = problems(tmp_path, text)

    assert [key for _, key, *_ in found] == ["respond.hook_token", "database.dsn"]
    assert "DEXWATCH_ABSENT" in found[0][2]


def test_a_secret_in_the_place_of_its_variables_name_is_refused_untold(tmp_path: Path) -> None:
    text = SMALLEST + "database: {dsn: {env: 'postgresql://bo:sesame@127.0.0.1/x'}}\n"

    found = problems(tmp_path, text)

    assert [key for _, key, *_ in found] == ["database.dsn"]
    assert "sesame" not in str(found)
    assert "no variable's name" in found[0][2]


@pytest.mark.parametrize("key", ["database.dsn", "storage.url"])
def test_an_at_in_a_password_is_refused_untold_unless_it_is_escaped(
    tmp_path: Path, key: str
) -> None:
    section, name = key.split(".")
    text = f"{SMALLEST}{section}: {{{name}: 'postgresql://bo:open@sesame@127.0.0.1/x?a=b@c'}}\n"

    found = problems(tmp_path, text)

    assert [key for _, key, *_ in found] == [key]
    assert "sesame" not in str(found)
    assert "%40" in found[0][2]
    load(write(tmp_path, text.replace("open@sesame", "open%40sesame")))


def test_an_at_in_the_path_of_a_file_is_none_of_a_password(tmp_path: Path) -> None:
    text = SMALLEST + "storage: {url: 'sqlite+aiosqlite:////srv/a@b@c.sqlite'}\n"
    text += "database: {dsn: 'host=127.0.0.1 user=bo password=a@b@c'}\n"

    load(write(tmp_path, text))


@pytest.mark.parametrize("value", ["xoxb-\udcff", "xoxb-1\n2", "xoxb-é"])
def test_a_token_that_no_header_can_carry_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SLACK_TOKEN", value)
    text = SMALLEST + "notify: {slack: {token: {env: SLACK_TOKEN}, channels: {P0: '#a'}}}\n"
    [(_, key, message, remedy, *_)] = problems(tmp_path, text)
    assert key == "notify.slack.token"
    assert "one line of text" in message or "ASCII" in message + remedy
    assert value not in message + remedy


def test_secret_never_shows_in_an_error_or_a_dump(tmp_path: Path) -> None:
    text = (
        SMALLEST + "database: {dsn: 'postgresql://bo:sesame@127.0.0.1/x', timeout_seconds: soon}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text))

    assert "sesame" not in str(caught.value)


def test_second_dexwatch_on_one_machine_needs_one_setting(tmp_path: Path) -> None:
    first = load(write(tmp_path, SMALLEST))
    second = load(write(tmp_path, SMALLEST + "base_port: 9900\nwatch: {port: 7000}\n"))

    moved = {
        setting: (port, second.daemons.listeners()[setting])
        for setting, port in first.daemons.listeners().items()
    }

    assert all(after - before == 1000 for before, after in moved.values()), moved
    assert (second.respond.port, second.console.port) == (9903, 9900)
    assert second.console.public_url == "http://127.0.0.1:9900"
    assert second.watch.port == 7000, "what is set stays"


@pytest.mark.parametrize("section", ["watch: 7", "daemons: {node: [1]}", "base_port: x"])
def test_base_port_hides_no_other_mistake(tmp_path: Path, section: str) -> None:
    text = SMALLEST + ("" if "base_port" in section else "base_port: 9900\n") + section + "\n"

    assert problems(tmp_path, text)
