"""Every regular expression in the tree reads any text in linear time.

The expressions are found in the source itself, so that none is forgotten, and each is attacked
with texts made from its own parts: its beginnings, its repeats and pairs of its letters, repeated,
and with an end that cannot match. Python's engine goes back and tries again where it can; an
expression that makes it do so for each letter takes four times as long for twice the text.
"""

import ast
import itertools
import re
import re._constants as sre
import re._parser as parser
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT / "src", ROOT / "instrument" / "src")
CALLS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
LENGTH = 2_000
CLEARLY_LINEAR = 0.001
"""Processor seconds for `LENGTH` characters; a quadratic expression takes more."""
ROUNDS = 5
"""A busy machine makes a measurement longer, and never shorter: the shortest counts."""
CATEGORIES = {
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_DIGIT: "a",
    sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_NOT_WORD: "-",
}


def expressions() -> Iterator[tuple[str, ast.expr]]:
    """Every expression that is given to Python's engine, with its place."""
    for path in sorted(path for folder in SOURCES for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in CALLS
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


FOUND = list(expressions())
LITERALS = [
    pytest.param(node.value, id=place)
    for place, node in FOUND
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
]


def test_expressions_are_written_out():
    made = [place for place, node in FOUND if not isinstance(node, ast.Constant)]
    assert made == [], "write the expression as one literal, so that it can be tried here"
    assert len(LITERALS) > 20


def test_the_engine_is_reached_by_its_module_name_only():
    hidden = [
        str(path.relative_to(ROOT))
        for folder in SOURCES
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and node.module == "re")
        or (isinstance(node, ast.Import) and any(a.name == "re" and a.asname for a in node.names))
        # Models check with Rust's engine, which is linear, unless they ask for Python's.
        or (isinstance(node, ast.keyword) and node.arg == "regex_engine")
    ]
    assert hidden == []


@pytest.mark.parametrize("expression", LITERALS)
def test_twice_the_text_takes_at_most_twice_the_time(expression):
    pattern = re.compile(expression)
    for pump, tail in itertools.product(pumps(expression), ("", "\x00")):
        # Worse than quadratic shows at once, and would not end at full length.
        assert attack(pattern, pump, tail, 22) < 0.05, f"{pump!r} repeated, then {tail!r}"
        short = attack(pattern, pump, tail, LENGTH)
        if short > CLEARLY_LINEAR:
            again = min(attack(pattern, pump, tail, LENGTH) for _ in range(ROUNDS))
            double = min(attack(pattern, pump, tail, 2 * LENGTH) for _ in range(ROUNDS))
            assert double < 3 * again, f"{pump!r} repeated, then {tail!r}"


@pytest.mark.parametrize(
    "slow", [r"[\w-]*password", r"[a-z][a-z0-9+.-]*://", r"(a+)+b", r"<(.*?)>"]
)
def test_the_attack_finds_what_is_not_linear(slow):
    with pytest.raises(AssertionError):
        test_twice_the_text_takes_at_most_twice_the_time(slow)


def attack(pattern: re.Pattern[str], pump: str, tail: str, length: int) -> float:
    """Return the processor seconds of a search through a text of that length."""
    text = pump * (length // len(pump)) + tail
    began = time.thread_time()
    # To search is the worst: the beginning may be anywhere.
    for _ in itertools.islice(pattern.finditer(text), length):
        if time.thread_time() - began > 1:
            break
    return time.thread_time() - began


def pumps(expression: str) -> set[str]:
    """Return short texts that, repeated, may lead the expression far before it fails."""
    tree = list(parser.parse(expression))
    letters = sorted(set("".join(letters_of(tree))))[:10]
    made = {"".join(map(sample, tree[:end])) for end in range(1, len(tree) + 1)}
    made |= {first + second for first in letters for second in letters}
    made |= {f"{letters[0]}.{letters[0]}+"} if letters else set()
    return {pump for pump in made if pump}


def sample(node: tuple[object, object]) -> str:
    """Return a short text that the node of the parsed expression takes."""
    kind, value = node
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.NOT_LITERAL:
        return "a" if chr(value) != "a" else "b"
    if kind is sre.ANY:
        return "a"
    if kind is sre.IN:
        return members(value)[0]
    if kind is sre.BRANCH:
        return "".join(map(sample, value[1][0]))
    if kind is sre.SUBPATTERN:
        return "".join(map(sample, value[-1]))
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return "".join(map(sample, value[2])) * max(1, value[0])
    return ""


def members(items: list[tuple[object, object]]) -> list[str]:
    """Return some letters of a class."""
    if items and items[0][0] is sre.NEGATE:
        out = {letter for kind, letter in items[1:] if kind is sre.LITERAL}
        return [letter for letter in "a-7.:" if ord(letter) not in out] or ["\u00e9"]
    found = []
    for kind, value in items:
        if kind is sre.LITERAL:
            found.append(chr(value))
        elif kind is sre.RANGE:
            found.append(chr(value[0]))
        elif kind is sre.CATEGORY:
            found.append(CATEGORIES[value])
    return found


def letters_of(tree: object) -> Iterator[str]:
    """Yield the letters that stand anywhere in the parsed expression."""
    for kind, value in tree:
        if kind is sre.LITERAL:
            yield chr(value)
        elif kind is sre.IN:
            yield from members(value)
        elif kind is sre.BRANCH:
            for one in value[1]:
                yield from letters_of(one)
        elif kind is sre.SUBPATTERN:
            yield from letters_of(value[-1])
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield from letters_of(value[2])
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from letters_of(value[1])
