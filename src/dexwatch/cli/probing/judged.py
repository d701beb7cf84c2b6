"""Judges what `dexwatch init` would write by the settings' own models, before it is written."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dexwatch.cli.draft import Contract, Draft, Endpoint, secrets, write
from dexwatch.notifiers.registry import NOTIFIERS
from dexwatch.settings import Problem, Settings, SettingsError
from dexwatch.settings.document import read
from dexwatch.settings.loading import load_partly, settings_of

_SHOWN_MOST = 80
_NO_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What a line of the file cannot hold: controls, and what Python makes of bytes that are no text.
An address beside the file is its first line, so the rest would be lost."""


class Option(NamedTuple):
    """Where an answer goes: the option that gives it, the part that it makes, how it is written."""

    name: str
    field: str
    parts: tuple[str, ...]
    example: str

    def values(self, draft: Draft) -> tuple[str, ...]:
        """Return what was answered."""
        if self.field == "channels":
            answers = draft.channels.get(self.name.removeprefix("--notify "), {})
            return tuple(f"{key}={one}" for key, said in answers.items() for one in said)
        said: str | tuple[str, ...] = getattr(draft, self.field)
        return said if isinstance(said, tuple) else (said,) if said else ()


OPTIONS = (
    Option("--name", "name", ("name",), "my-dex"),
    Option("--rpc", "rpc", ("chain",), "https://bsc.example.org"),
    Option("--contract", "addresses", ("dex",), "0x16b9a82891338f9ba80e2d6970fdda79d1eb0dae"),
    Option("--dsn-env", "dsn_env", ("database", "daemons.postgres"), "PLATFORM_DSN"),
    Option("--redis", "redis_url", ("daemons.redis",), "redis://127.0.0.1:6379"),
    Option("--nginx", "nginx_status", ("daemons.nginx",), "http://127.0.0.1/stub_status"),
    Option("--metrics", "metrics_address", ("daemons.targets",), "127.0.0.1:9000"),
    Option("--outside", "outside_url", ("daemons.deadman",), "https://ping.example.org/x"),
    Option("--api", "api_url", ("daemons.probes",), "https://dex.example.org/health"),
    *(
        Option(
            f"--notify {channel.name}",
            "channels",
            (f"notify.{channel.setting}",),
            ", ".join(f"{q.key}={q.example}" for q in channel.setup.questions),
        )
        for channel in NOTIFIERS
    ),
)


@dataclass(frozen=True)
class Refusal:
    """An answer that no sound file can hold; no word of it is a secret."""

    option: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.option} {self.value}: {self.message}. {self.remedy}"


def refusals(draft: Draft) -> tuple[Refusal, ...]:
    """Return what the settings would refuse of a file with these answers, each answer once."""
    broken = tuple(_broken(draft))
    if broken:
        return broken
    # The key of each is the answer that is shown: one that makes two parts is told once.
    found: dict[tuple[str, str], Refusal] = {}
    problems = _problems(draft)
    if problems:
        # A mistake that keeps the file from being read hides those of the other answers.
        alone = (_problems(_alone(draft, option)) for option in OPTIONS if option.values(draft))
        problems = (*(problem for some in alone for problem in some), *problems)
    for problem in problems:
        refusal = _refusal(draft, problem)
        found.setdefault((refusal.option, refusal.value), refusal)
    return tuple(found.values())


def _alone(draft: Draft, option: Option) -> Draft:
    """Return the draft with one answer only."""
    made = {"rpc": ("endpoints",), "addresses": ("contracts", "pools")}.get(option.field, ())
    kept: dict[str, Any] = {name: getattr(draft, name) for name in (option.field, *made)}
    if option.field == "channels":
        name = option.name.removeprefix("--notify ")
        kept["channels"] = {name: draft.channels[name]}
    return replace(Draft("my-dex"), **kept)


def assumed(said: Draft) -> Draft:
    """Return the draft that is written when nothing answers: each answer as it was given."""
    endpoints = [
        Endpoint(f"node-{chr(ord('a') + index)}", url, socket(url))
        for index, url in enumerate(said.rpc)
    ]
    contracts = [
        Contract(f"contract-{number}", address, pausable=False)
        for number, address in enumerate(said.addresses, start=1)
    ]
    return replace(said, endpoints=tuple(endpoints), contracts=tuple(contracts))


def socket(url: str) -> str:
    """Most nodes serve WebSocket at the same address; `doctor` says when one does not."""
    return re.sub(r"^http", "ws", url)


def without_secret(text: str) -> str:
    """Keep only host and port of each address in a text: all else may be a key or password."""
    return re.sub(r"\b[a-z][a-z0-9+.-]{0,20}://\S+", lambda m: _public_part(m[0]), text)


def _broken(draft: Draft) -> Iterator[Refusal]:
    for option in OPTIONS:
        for value in option.values(draft):
            if _NO_LINE.search(value):
                message = "it is no single line of text"
                yield Refusal(option.name, _shown(option, value), message, _remedy(option))


def _problems(draft: Draft) -> tuple[Problem, ...]:
    """Read the very text that would be written; variables may be set later, so none is read."""
    with _as_written(draft) as (file, texts):
        try:
            later = read(file, Settings, wanted=lambda _: False, texts=texts).variables
            document = read(file, Settings, wanted=lambda place: place not in later, texts=texts)
            settings_of(document)
        except SettingsError as error:
            return error.problems
    return ()


def written(draft: Draft) -> tuple[Settings, tuple[Problem, ...]]:
    """Return the settings of what would be written, and which of its secrets are not to be had.

    Raises:
        SettingsError: with what is wrong, for example a variable that is set to what it cannot be.
    """
    with _as_written(draft) as (file, texts):
        return load_partly(file, texts=texts)


@contextmanager
def _as_written(draft: Draft) -> Iterator[tuple[Path, dict[Path, str]]]:
    """Give where the file would lie, with its secrets beside it, and its text."""
    with tempfile.TemporaryDirectory(prefix="dexwatch-init-") as folder:
        file = Path(folder) / "dexwatch.yml"
        for name, address in secrets(draft).items():
            (file.parent / name).write_text(address + "\n", encoding="utf-8")
        (file.parent / "hook.token").write_text("to-be-made-when-it-is-written\n")
        yield file, {file: write(draft)}


def _refusal(draft: Draft, problem: Problem) -> Refusal:
    for option in OPTIONS:
        part = next((part for part in option.parts if _lies_in(problem.key, part)), None)
        if part is None:
            continue
        values = option.values(draft)
        index = re.search(r"\[(\d+)\]", problem.key.removeprefix(part))
        if index and option.field in {"rpc", "addresses"} and int(index[1]) < len(values):
            values = (values[int(index[1])],)
        # The place in the temporary file would help nobody, and the value is named already.
        shown = " ".join(_shown(option, value) for value in values)
        return Refusal(option.name, shown, problem.message, _remedy(option))
    return Refusal("what would be written", problem.key, problem.message, problem.remedy)


def _lies_in(key: str, part: str) -> bool:
    return key == part or key.startswith((f"{part}.", f"{part}["))


def _remedy(option: Option) -> str:
    return f"Write it like {option.example}, or leave it out."


def _shown(option: Option, value: str) -> str:
    """Return an answer as it may be shown; what is no variable's name may be the secret itself."""
    if option.field == "dsn_env":
        return "(not shown)"
    text = re.sub(r"_env=.*", "_env=(not shown)", value, flags=re.DOTALL)
    text = without_secret(text) if "://" in text else text
    if "@" in text and option.field not in {"channels", "addresses"}:
        text = "(not shown)"
    return text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"


def _public_part(url: str) -> str:
    try:
        parts = urlsplit(url.rstrip(":,"))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(address left out)"
    return f"{parts.hostname or ''}{port}" + (" (path left out)" if parts.path.strip("/") else "")
