"""Nothing that strangers write can steer the terminal of whoever reads it."""

import ast
import contextlib
import io
import json
import unicodedata
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from dexwatch.cli import terminal
from dexwatch.cli.present import emit_json
from tests.fakes.alerts import T0

STEERS = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
ATTACKS = [
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b[2J",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "a\x08\x08b",
    "\x00",
    "\ud800",
    "\u2028",
]
CLI = Path(terminal.__file__).parent


def printed(*values):
    stream = io.StringIO()
    for value in values:
        terminal.SafeConsole(file=stream).print(value, soft_wrap=True)
    return stream.getvalue()


def steering(text):
    return [one for one in text if one != "\n" and unicodedata.category(one) in STEERS]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_would_steer_is_written_out(attack):
    table = Table("a")
    table.add_row(attack)
    for shown in (printed(attack), printed(table), printed(terminal.foreign(attack))):
        assert steering(shown) == []
        assert "\\" in shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_foreign_text_stays_on_its_line_and_steers_nothing(text):
    shown = terminal.foreign(text)
    assert steering(shown) == []
    assert "\n" not in shown
    assert printed(f"[bold]{shown}[/]").count("\n") == 1


@given(st.text())
def test_json_for_machines_means_the_same_and_steers_nothing(text):
    document = terminal.safe_json(orjson.dumps({"text": text}))
    assert json.loads(document) == {"text": text}
    assert steering(document.decode()) == []


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_a_command_gives_json_of_any_text(text):
    written = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(written):
        emit_json({"text": [text], "at": T0})
    read = json.loads(written.buffer.getvalue())
    assert read["text"] == [text.encode(errors="replace").decode()]
    assert read["at"].startswith(f"{T0:%Y-%m-%d}")


def test_text_that_steers_nothing_stays_as_it_is():
    text = "Prüfung, 45% · \N{FOX FACE} · [bold]"
    assert terminal.safe(text) == text
    assert printed(terminal.foreign(text)) == text + "\n"


def test_commands_print_by_the_safe_console_only():
    direct = {"print", "echo", "secho", "Console"}
    found = [
        f"{path.name}:{node.lineno}"
        for path in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in direct)
            or (isinstance(node.func, ast.Attribute) and node.func.attr in {"echo", "secho"})
        )
    ]
    assert found == []
