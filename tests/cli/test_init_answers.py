"""What becomes of each answer that `init` is given: written, noted aloud, or refused by name."""

import asyncio
import inspect
import re
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dexwatch.cli import app
from dexwatch.cli.init import NOTIFY_KEYS, init
from dexwatch.secret import with_host
from dexwatch.settings import Settings, SettingsError, load
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running

NOWHERE = "http://127.0.0.1:1"
ROUTER = "0x0b65" + "12" * 18
OPTIONS = tuple(
    f"--{name.replace('_', '-')}"
    for name in inspect.signature(init).parameters
    if name not in {"file", "yes", "force", "notify"}
)
GARBAGE = (
    "",
    " ",
    "nonsense",
    "123",
    "null",
    "a: b",
    "X}, other: {",
    "0x12",
    "http://",
    "http://[",
    f"{NOWHERE}:abc",
    f"{NOWHERE}\nsecond: line",
    "127.0.0.1:99999",
    "http://127.0.0.1:99999",
    "redis://127.0.0.1:99999",
    "ä\u202e\x1b[31m",
    "\udcff",
    "x" * 3000,
)


def pairs_of_each() -> list[tuple[str, str]]:
    """A third of the garbage for each answer, so that neighbours that are alike share all of it."""
    answers = (*OPTIONS, *(f"--notify={key}" for key in NOTIFY_KEYS))
    return [(one, value) for n, one in enumerate(answers) for value in GARBAGE[n % 3 :: 3]]


def a_node() -> FakeNode:
    chain = FakeChain(0)
    chain.mine(100)
    return FakeNode(chain)


def asked(folder: Path, *arguments: str) -> tuple[Result, Path]:
    file = folder / "dexwatch.yml"
    return CliRunner().invoke(app, ["init", str(file), "--yes", *arguments]), file


def test_a_contract_that_no_node_told_of_is_kept_and_watched(tmp_path: Path) -> None:
    shown, file = asked(tmp_path, "--rpc", NOWHERE, "--contract", ROUTER)

    assert shown.exit_code == 0, shown.output
    [contract] = load(file).dex.contracts
    assert contract.address == ROUTER
    assert f"{ROUTER}: not reached" in shown.output
    [above] = [before for before, line in pairs(file) if ROUTER in line and "- {" in line]
    assert above.strip().startswith("# Not reached")


@pytest.mark.parametrize("key", ["", "/v1/a-key-of-the-provider"])
def test_a_websocket_that_was_derived_is_written_as_not_tried(tmp_path: Path, key: str) -> None:
    shown, file = asked(tmp_path, "--rpc", NOWHERE + key)

    assert shown.exit_code == 0, shown.output
    [line] = [one for one in file.read_text().splitlines() if one.lstrip().startswith("ws: ")]
    assert "# not tried" in line
    ws = load(file).chain.endpoints[0].ws
    assert ws is not None
    assert ws.get_secret_value() == NOWHERE.replace("http", "ws") + key


def test_a_contract_without_a_node_to_ask_is_kept(tmp_path: Path) -> None:
    shown, file = asked(tmp_path, "--contract", ROUTER)

    assert shown.exit_code == 0, shown.output
    assert [contract.address for contract in load(file).dex.contracts] == [ROUTER]
    assert "no contract is there" not in shown.output


async def test_another_node_is_asked_when_the_first_does_not_answer(tmp_path: Path) -> None:
    async with running(a_node()) as node:
        node.answers["eth_getCode"] = lambda _: "0x60"
        node.answers["eth_call"] = lambda _: "0x"
        shown, file = await asyncio.to_thread(
            asked, tmp_path, "--rpc", NOWHERE, "--rpc", node.http, "--contract", ROUTER
        )

    assert shown.exit_code == 0, shown.output
    assert [contract.address for contract in load(file).dex.contracts] == [ROUTER]
    assert "not reached" not in shown.output


async def test_an_address_without_a_contract_is_told_and_commented_out(tmp_path: Path) -> None:
    async with running(a_node()) as node:
        node.answers["eth_getCode"] = lambda _: "0x"
        shown, file = await asyncio.to_thread(
            asked, tmp_path, "--rpc", node.http, "--contract", ROUTER
        )

    assert shown.exit_code == 0, shown.output
    assert f"{ROUTER}: no contract is there" in shown.output
    assert load(file).dex.contracts == ()
    assert [line for _, line in pairs(file) if ROUTER in line and line.strip().startswith("# - {")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--redis=redis://127.0.0.1:2",), "redis cache: "),
        (("--outside=http://127.0.0.1:2/x",), "deadman outside_url: "),
        (("--api=http://127.0.0.1:2/health",), "probe api: "),
        (("--nginx=http://127.0.0.1:2/",), "nginx edge: "),
        (("--metrics=127.0.0.1:2",), "target exchange 127.0.0.1:2: "),
        (("--dsn-env=DEAD_DSN",), "database connection: "),
        (("--dsn-env=NOT_SET",), "the environment variable NOT_SET is not set"),
        (("--notify=slack.token_env=NOT_SET",), "the environment variable NOT_SET is not set"),
        (("--notify=email.host=127.0.0.1:2", "--notify=email.to=bo@a.org"), "notify email: "),
    ],
)
def test_each_answer_is_tried_and_told_aloud_and_in_the_file_when_it_fails(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEAD_DSN", "postgresql://bo:sesame@127.0.0.1:2/dex")

    shown, file = asked(tmp_path, *arguments)

    assert shown.exit_code == 0, shown.output
    assert shown.output.count(f"! {words}" if words.endswith(": ") else words) == 1
    [note] = [line for line in file.read_text().splitlines() if "LEFT OPEN" in line]
    assert words in note
    assert "sesame" not in shown.output + note


def test_a_variable_that_is_set_to_what_it_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "postgresql://bo:se@same@127.0.0.1/dex")

    shown, file = asked(tmp_path, "--dsn-env=WRONG")

    assert shown.exit_code == 0, shown.output
    assert "! database.dsn: write %40" in shown.output
    assert "LEFT OPEN when this was written: database.dsn" in file.read_text()


def test_what_is_noted_in_the_file_is_told_aloud(tmp_path: Path) -> None:
    shown, file = asked(tmp_path, "--notify", "webhook.url=https://hooks.example.org/x")

    assert shown.exit_code == 0, shown.output
    assert "webhook: left out, because secret_env was not given" in shown.output
    assert "webhook: left out, because secret_env was not given" in file.read_text()


def test_a_refusal_names_option_value_and_remedy(tmp_path: Path) -> None:
    wrong = ("--nginx", "nonsense", "--redis", "rubbish", "--contract", "0x12")
    shown, _ = asked(tmp_path, *wrong, "--contract", ROUTER)

    assert shown.exit_code == 2, shown.output
    for option, value, remedy in (
        ("--nginx", "nonsense", "http://127.0.0.1/stub_status"),
        ("--redis", "rubbish", "redis://127.0.0.1:6379"),
        ("--contract", "0x12", "40 hexadecimal digits"),
    ):
        [line] = [line for line in shown.output.splitlines() if f"{option} {value}" in line]
        assert remedy in line
    assert ROUTER not in shown.output
    assert list(tmp_path.iterdir()) == []


def test_every_wrong_answer_is_told_at_once(tmp_path: Path) -> None:
    """Also where one is no variable's name, which is found before the values are judged."""
    wrong = ("--rpc=x", "--contract=0x12", "--dsn-env=a b", "--redis=x", "--nginx=x", "--metrics=x")

    shown, _ = asked(tmp_path, *wrong, "--outside=x", "--api=x", "--notify=slack.token_env=a b")

    told = [line.split()[1] for line in shown.output.splitlines()]
    options = [one.partition("=")[0] for one in (*wrong, "--outside=", "--api=", "--notify=")]
    assert sorted(told) == sorted(options)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("--rpc=foo", "must begin with http:// or https://"),
        ("--metrics=localhost", "write it as HOST:PORT"),
        ("--nginx=foo", "must begin with http:// or https://"),
        ("--name=!!", "write a to z"),
        ("--notify=email.to=bo", "write it as NAME@HOST"),
    ],
)
def test_a_refusal_is_in_words_of_an_operator(answer: str, words: str, tmp_path: Path) -> None:
    shown, _ = asked(tmp_path, answer, "--notify=email.host=127.0.0.1")

    assert shown.exit_code == 2, shown.output
    assert words in shown.output
    assert "should" not in shown.output


def test_a_question_that_is_asked_again_names_no_option(tmp_path: Path) -> None:
    answers = ["ana", "foo", *[""] * 40]

    shown = CliRunner().invoke(
        app, ["init", str(tmp_path / "dexwatch.yml")], input="\n".join(answers)
    )

    assert "must begin with http:// or https://" in shown.output
    assert "--rpc" not in shown.output


@pytest.mark.parametrize(
    "wrong",
    [
        "--redis=rediss//:sesame@cache",
        "--nginx=http://bo:sesame@cache",
        "--dsn-env=postgresql://bo:sesame@db/dex",
        "--notify=slack.token_env=xoxb-sesame",
    ],
)
def test_a_refusal_shows_no_secret(wrong: str, tmp_path: Path) -> None:
    shown, _ = asked(tmp_path, wrong)

    assert shown.exit_code == 2, shown.output
    assert "sesame" not in shown.output


def test_a_wrong_answer_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    answers = ["Ana DEX", "", "0x12", ROUTER, *[""] * 40]

    shown = CliRunner().invoke(app, ["init", str(file)], input="\n".join(answers))

    assert shown.exit_code == 0, shown.output
    assert "40 hexadecimal digits" in shown.output
    assert [contract.address for contract in load(file).dex.contracts] == [ROUTER]


@pytest.mark.parametrize(("option", "value"), pairs_of_each())
def test_whatever_is_answered_is_refused_by_name_or_makes_a_sound_file(
    option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def untried(*_: object) -> tuple[()]:
        return ()

    # The answers name hosts of others, which no test may ask.
    monkeypatch.setattr("dexwatch.cli.probing.answers.trials", untried)
    if option.startswith("--notify="):
        channel = option.partition("=")[2].partition(".")[0]
        rest = {"webhook.url": "https://hooks.example.org/x", "webhook.secret_env": "SECRET"} | {
            "email.host": "127.0.0.1",
            "email.to": "bo@example.org",
        }
        others = [
            f"--notify={key}={said}"
            for key, said in rest.items()
            if key.startswith(channel) and not option.endswith(key)
        ]
        shown, file = asked(tmp_path, f"{option}={value}", *others)
    else:
        shown, file = asked(tmp_path, f"{option}={value}")

    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
    if shown.exit_code == 0:
        assert sound(file, monkeypatch)
    else:
        assert shown.exit_code == 2
        assert option.partition("=")[0] in shown.output
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("http://bo:a#b/c@node:8545", True),
        ("https://node/@x:y", True),
        ("https://node/?to=http://", True),
        ("node:8545", True),
        ("http://[::1]:8545", True),
        ("http://", False),
        ("http:///path", False),
        ("node:99999", False),
        ("http://node:0", False),
        ("ws://node..example", False),
        (f"ws://{'n' * 64}.example", False),
    ],
)
def test_an_address_names_a_host_and_a_port_that_can_be(address: str, *, named: bool) -> None:
    with nullcontext() if named else pytest.raises(ValueError, match=r"host|port"):
        assert with_host(address) == address


def sound(file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load it with every variable that it names."""
    for name in ("SECRET", *re.findall(r"{env: \"(\w+)\"}", file.read_text())):
        monkeypatch.setenv(name, "postgresql://bo@127.0.0.1:1/long-enough")
    try:
        return load(file)
    except SettingsError as error:
        raise AssertionError(f"{error}\n{file.read_text()}") from None


def pairs(file: Path) -> list[tuple[str, str]]:
    lines = file.read_text().splitlines()
    return list(pairwise(lines))
