"""An invented word is found in names and in texts, with the word that the field uses."""

import pytest

from tools.words import ALLOWED, ROOT, WORDS, check, invented


@pytest.mark.parametrize(
    "line",
    ["class InboundDoor:", "control_door = 1", '"""Opens the doors."""', "DOOR = 2", "x.Door()"],
)
def test_an_invented_word_is_told_with_its_place_and_the_fields_word(line: str) -> None:
    (found,) = invented("src/a.py", f"# fine\n{line}\n")
    assert found.startswith("src/a.py:2: ")
    assert found.endswith(WORDS["door"])


@pytest.mark.parametrize("line", ["outdoor", "vendor.order", "undoubtedly", "import pulsectl"])
def test_a_word_that_only_holds_one_is_accepted(line: str) -> None:
    assert list(invented("src/a.py", line)) == []


def test_an_old_name_may_be_said_where_it_is_allowed_and_nowhere_else() -> None:
    (path, *_) = [path for path, words in ALLOWED.items() if "doubt" in words]
    assert list(invented(path, "doubt")) == []
    assert list(invented("src/a.py", "doubt")) != []


def test_every_exception_is_needed() -> None:
    for path, words in ALLOWED.items():
        text = (ROOT / path).read_text().lower()
        assert all(word in text for word in words), path


def test_the_project_is_free_of_them() -> None:
    assert list(check(ROOT)) == []
