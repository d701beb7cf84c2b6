"""Several files make one configuration; what two of them say is told with both places."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.settings import Settings, SettingsError, document, load
from dexwatch.settings.document import read, read_whole_texts

MAIN = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dexwatch.yml").write_text(MAIN)
    (tmp_path / "conf.d").mkdir()
    return tmp_path


def part(folder: Path, name: str, text: str) -> Path:
    file = folder / "conf.d" / name
    file.write_text(text)
    return file


def problems(folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(folder / "dexwatch.yml")
    return [str(problem) for problem in caught.value.problems]


def test_parts_are_merged_key_by_key_and_lists_are_joined_in_the_order_of_names(
    folder: Path,
) -> None:
    part(folder, "20-b.yml", "daemons: {targets: [{job: b, address: '127.0.0.1:2'}]}\n")
    part(folder, "10-a.yaml", "daemons: {targets: [{job: a, address: '127.0.0.1:1'}]}\n")
    part(folder, "30-rules.yml", "rules: {thresholds: {CpuHigh: 0.9}}\nwatch: {max_series: 50}\n")

    settings = load(folder / "dexwatch.yml")

    assert [target.job for target in settings.daemons.targets] == ["a", "b"]
    assert settings.rules.thresholds == {"CpuHigh": 0.9}
    assert settings.watch.max_series == 50


def test_value_that_two_files_give_is_told_with_both_places(folder: Path) -> None:
    first = part(folder, "a.yml", "watch:\n  port: 7001\n")
    second = part(folder, "b.yml", "\n\nwatch:\n  port: 7001\n")

    assert problems(folder) == [
        f"{second}:4: watch.port: is given twice, first at {first}:2. Remove one of the two."
    ]


def test_list_and_value_do_not_mix(folder: Path) -> None:
    part(folder, "a.yml", "rules: {disable: [CpuHigh]}\n")
    second = part(folder, "b.yml", "rules: {disable: LoadHigh}\n")

    assert problems(folder)[0].startswith(f"{second}:1: rules.disable: is given twice")


def test_mistake_in_an_appended_item_is_placed_in_its_own_file(folder: Path) -> None:
    part(folder, "a.yml", "daemons: {targets: [{job: a, address: '127.0.0.1:1'}]}\n")
    second = part(folder, "b.yml", "daemons:\n  targets:\n    - job: b\n      address: nowhere\n")

    [problem] = problems(folder)

    assert problem.startswith(f"{second}:4: daemons.targets[1].address: ")


def test_mistakes_of_all_files_are_told_at_once(folder: Path) -> None:
    first = part(folder, "a.yml", "watch: [\n")
    second = part(folder, "b.yml", "x: 1\nx: 2\n")

    assert [problem.split(": ")[0] for problem in problems(folder)] == [
        f"{first}:2",
        f"{second}:2",
    ]


def test_paths_are_relative_to_the_file_that_gives_them(folder: Path) -> None:
    part(folder, "rules.yml", "rules: {extra_files: [own.yml]}\n")
    part(folder, "mail.yml", "storage: {url_file: database.url}\n")
    part(folder, "database.url", "postgresql://127.0.0.1/x\n")

    settings = load(folder / "dexwatch.yml")

    assert settings.rules.extra_files == (folder / "conf.d" / "own.yml",)
    assert settings.storage.url is not None
    assert settings.folder == folder / "dexwatch-state"


def test_folder_alone_is_a_configuration_too(folder: Path) -> None:
    part(folder, "main.yml", MAIN)

    settings = load(folder / "conf.d")

    assert settings.folder == folder / "conf.d" / "dexwatch-state"


def test_hidden_and_other_files_are_left_alone(folder: Path) -> None:
    part(folder, ".swap.yml", "nonsense")
    part(folder, "a.yml~", "nonsense")
    part(folder, "notes.txt", "nonsense")

    assert load(folder / "dexwatch.yml").name == "ana-dex"


def test_empty_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no"):
        load(tmp_path)


def test_secret_may_be_named_by_its_file_anywhere(folder: Path) -> None:
    (folder / "dexwatch.yml").write_text("name: ana-dex\nrespond: {hook_token_file: ./a.token}\n")
    (folder / "a.token").write_text("from-a-file-with-a-long-token\r\n")

    settings = load(folder / "dexwatch.yml")

    assert settings.respond.hook_token.get_secret_value() == "from-a-file-with-a-long-token"


def test_secret_and_its_file_are_one_setting(folder: Path) -> None:
    part(folder, "a.yml", "respond: {hook_token_file: ./a.token}\n")

    assert "respond.hook_token: is given twice" in problems(folder)[0]


def test_short_secret_is_refused_with_the_way_to_make_one(folder: Path) -> None:
    part(
        folder,
        "a.yml",
        "notify: {webhooks: [{name: ops, url: 'http://127.0.0.1:1', secret: sesame}]}\n",
    )

    [problem] = problems(folder)

    assert "has 6 characters, and 16 or more are needed" in problem
    assert "openssl rand" in problem
    assert "sesame" not in problem


def test_unreadable_folder_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)

    assert "cannot be listed (Permission denied)" in problems(folder)[0]
    assert stat.S_ISDIR((folder / "conf.d").stat().st_mode)


KEYS = st.sampled_from(["disable", "extra_files"])


@given(parts=st.lists(st.lists(st.sampled_from(["A", "B", "C"]), max_size=3), max_size=4))
def test_joining_loses_and_repeats_nothing(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("joined")
    for index, ids in enumerate(parts):
        (folder / f"{index}.yml").write_text(f"rules: {{disable: {ids}}}\n")
    if not parts:
        return

    document = read(folder, Settings)

    assert document.values["rules"]["disable"] == [one for ids in parts for one in ids]


def test_a_file_that_is_being_written_is_read_when_it_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rest = part(folder, "rules.yml", "rules:\n"), ["  disable:\n", "  - CpuHigh\n"]

    def write_on(_: float) -> None:
        if rest:
            file.write_text(file.read_text() + rest.pop(0))

    monkeypatch.setattr(document.time, "sleep", write_on)
    assert read_whole_texts(folder / "dexwatch.yml")[file] == "rules:\n  disable:\n  - CpuHigh\n"


def test_a_file_that_is_never_whole_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = part(folder, "rules.yml", "rules: {}\n")

    def write_on(_: float) -> None:
        file.write_text(file.read_text() + "#\n")

    monkeypatch.setattr(document.time, "sleep", write_on)
    with pytest.raises(SettingsError, match="Reload when it is written"):
        read_whole_texts(folder / "dexwatch.yml")
