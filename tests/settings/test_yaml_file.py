"""Whatever a file holds, it is read or refused, quickly and with a line."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dexwatch.settings import SettingsError, load
from dexwatch.settings.yaml_file import YamlFile, parse_yaml, read_text

HOSTILE = [*"ab1:-[]{}\n \t,'\"&*!|>?%@#\\ud8x\x00é", "\U0001f600", "name: ", "\\ud800"]


def read_yaml(path: Path) -> YamlFile:
    return parse_yaml(path, read_text(path))


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_yaml(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a: " + "[" * 5000, "nested too deeply", id="open brackets"),
        pytest.param("a: " + "{b: " * 5000, "nested too deeply", id="open braces"),
        pytest.param("- " * 5000, "nested too deeply", id="lists in lists"),
        pytest.param("a: &a [x]\nb: [*a, *a]\n", ":2: ", id="alias"),
        pytest.param(
            "a: &a [x]\n" + "".join(f"a{i}: &b{i} [*a, *a]\n" for i in range(40)),
            "an alias",
            id="aliases of aliases",
        ),
        pytest.param("a: !!python/object:os.system x\n", "a tag", id="tag"),
        pytest.param("a: !x [1]\n", "a tag", id="tag of a list"),
        pytest.param("? [a]\n: b\n", "no plain text", id="list as a key"),
        pytest.param("a: 1\nb: 2\na: 3\n", ":3: ", id="key twice"),
        pytest.param("a: 1\n---\nb: 2\n", "second document", id="two documents"),
        pytest.param("a: " + "9" * 6000, "too large", id="endless number"),
        pytest.param("a: [" + "1," * 30_000 + "]", "too many", id="endless list"),
        pytest.param("a: " + "x" * 1_000_001, "larger than 1 MB", id="large file"),
        pytest.param('a: 1\nb: "\\ud800"\n', ":2: ", id="half a character"),
        pytest.param("a: 1\nb: \x00\n", ":2: ", id="control character"),
    ],
)
def test_costly_or_strange_files_are_refused_quickly(tmp_path: Path, text: str, words: str) -> None:
    began = time.process_time()

    assert words in refusal(tmp_path / "a.yml", text)
    assert time.process_time() - began < 10


def test_cost_grows_with_length_only(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"

    def seconds(length: int) -> float:
        file.write_text("a: " + "[" * length)
        began = time.process_time()
        with pytest.raises(SettingsError):
            read_yaml(file)
        return time.process_time() - began

    assert seconds(400_000) < 4 * seconds(200_000) + 0.5


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999"])
def test_a_number_without_end_is_refused_at_its_line(tmp_path: Path, number: str) -> None:
    with pytest.raises(SettingsError, match="a number is too large, or none") as caught:
        parse_yaml(tmp_path / "a.yml", f"dex:\n  high_value_usd: {number}\n")
    assert caught.value.problems[0].line == 2


def test_values_are_those_of_the_standard(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("a: [1, 0x10, 1.5, true, ~, yes, '7', 2026-01-01, on]\nb: {c: {d: e}}\n")

    read = read_yaml(file)

    assert read.values == {
        "a": [1, 16, 1.5, True, None, "yes", "7", "2026-01-01", "on"],
        "b": {"c": {"d": "e"}},
    }
    assert read.lines["b", "c", "d"] == 2


@settings(max_examples=150)
@given(
    text=st.text(
        st.sampled_from(list("ab1:-[]{}\n \t,'\"&*!|>?%@#\\x\x00é\U0001f600")), max_size=60
    )
)
def test_no_text_makes_it_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "dexwatch.yml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        load(file)
    for problem in caught.value.problems:
        assert str(problem.file) == str(file)
        assert "\n" not in str(problem)


@settings(max_examples=100)
@given(content=st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "dexwatch.yml"
    file.write_bytes(content)

    with pytest.raises(SettingsError):
        load(file)


SECTIONS = st.sampled_from(
    ["chain", "dex", "daemons", "notify", "rules", "console", "respond", "database", "storage"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["endpoints", "targets", "port", "http", "to", "env", "file", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(values=st.dictionaries(SECTIONS, VALUES, min_size=1, max_size=4))
def test_every_wrong_value_is_placed_at_a_line_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "dexwatch.yml"
    with file.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump({"name": "a", **values}, stream)
    lines = len(file.read_text(encoding="utf-8").splitlines())

    try:
        load(file)
    except SettingsError as error:
        for problem in error.problems:
            missing = problem.message == "is missing"
            assert missing or 1 <= problem.line <= lines, problem
