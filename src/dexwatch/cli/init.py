"""`dexwatch init`: asks, tries each answer, and writes a commented configuration."""

import asyncio
import errno
import os
import re
import secrets
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dexwatch.bounded_file import write_file
from dexwatch.cli.draft import Draft, write
from dexwatch.cli.draft import secrets as draft_secrets
from dexwatch.cli.present import CONFIG_DEFAULT, EXIT_USAGE, err, fail, fail_to_write, out
from dexwatch.cli.probing.answers import tried
from dexwatch.cli.probing.judged import assumed, refusals
from dexwatch.cli.records.users import add_user
from dexwatch.cli.terminal import foreign, safe
from dexwatch.notifiers.channel import Channel
from dexwatch.notifiers.registry import NOTIFIERS

ENDPOINTS_MAX = 8
CONTRACTS_MAX = 100
WRITABLE = "Name a file in a folder that you may write into."

NOTIFY_KEYS = tuple(f"{c.name}.{q.key}" for c in NOTIFIERS for q in c.setup.questions)
NOTIFY_HELP = (
    f"KEY=VALUE says who is told, several times if need be; KEY is one of {', '.join(NOTIFY_KEYS)}."
)

Many = list[str] | None


def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = CONFIG_DEFAULT,
    *,
    name: Annotated[str, typer.Option(help="The platform's name, in lower case.")] = "",
    rpc: Annotated[Many, typer.Option(help="HTTP RPC endpoint; give it several times.")] = None,
    contract: Annotated[Many, typer.Option(help="Address of a pool or contract.")] = None,
    api: Annotated[str, typer.Option(help="Health URL of the platform's API.")] = "",
    metrics: Annotated[str, typer.Option(help="host:port of the platform's /metrics.")] = "",
    dsn_env: Annotated[str, typer.Option(help="Variable that holds the database's DSN.")] = "",
    redis: Annotated[str, typer.Option(help="Redis URL.")] = "",
    nginx: Annotated[str, typer.Option(help="nginx stub_status URL.")] = "",
    outside: Annotated[str, typer.Option(help="Pinged as long as all is well.")] = "",
    notify: Annotated[Many, typer.Option(metavar="KEY=VALUE", help=NOTIFY_HELP)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write a commented configuration for a real platform, by asking and probing."""
    if _is_there(file) and not force:
        fail(f"{file} is there already", "Name another file, or say --force.", status=EXIT_USAGE)
    said = Draft(
        name=_slug(name) or name or ("my-dex" if yes else ""),
        rpc=tuple(rpc or ()),
        addresses=_once(contract or ()),
        api_url=api,
        metrics_address=metrics,
        dsn_env=dsn_env,
        redis_url=redis,
        outside_url=outside,
        nginx_status=nginx,
        channels=_channels(tuple(notify or ())),
    )
    _refuse(replace(said, name=said.name or "my-dex"))
    try:
        _try_folder(file)
    except OSError as error:
        fail_to_write(file, error, remedy=WRITABLE)
    draft = asyncio.run(tried(said if yes else _ask(said)))
    _refuse(draft)
    try:
        _write(file, draft)
    except OSError as error:
        fail_to_write(file, error, remedy=WRITABLE if yes else _kept_elsewhere(file, draft))


def _try_folder(file: Path) -> None:
    """Write into the file's folder, or where it will be made, and leave nothing: before we ask.

    Raises:
        OSError: nobody could write there, or the file is a folder.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    folder = next(each for each in file.absolute().parents if each.exists())
    with tempfile.TemporaryFile(dir=folder) as tried_file:
        tried_file.write(b"x")


def _kept_elsewhere(file: Path, draft: Draft) -> str:
    """Keep the answers, which may hold keys, where we alone can read; return what to do then."""
    try:
        kept = Path(tempfile.mkdtemp(prefix="dexwatch-init-")) / file.name
        _write_answers(kept, draft)
    except OSError:
        return WRITABLE
    return f"Your answers lie in {kept.parent}: move all files from there once there is room."


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        fail_to_write(file, error, remedy=WRITABLE)


def _refuse(draft: Draft) -> None:
    """End before anything is written when the settings would not take it."""
    refused = refusals(draft if draft.endpoints else assumed(draft))
    for refusal in refused:
        err.print(f"[red]✗[/] {foreign(str(refusal))}", soft_wrap=True)
    if refused:
        raise typer.Exit(EXIT_USAGE)


def _once(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address.lower() for address in addresses))


def _channels(given: tuple[str, ...]) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Sort answers such as `email.host=smtp.example.org` by channel and question."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if key not in NOTIFY_KEYS or not equals or not value:
            fail(f"--notify {one} is not understood", NOTIFY_HELP, status=EXIT_USAGE)
        channel, _, question = key.partition(".")
        answers = found.setdefault(channel, {})
        answers[question] = (*answers.get(question, ()), value)
    return found


def _ask(given: Draft) -> Draft:
    """Ask for each thing that was not given; an empty answer leaves it out."""
    out.print(
        "An empty answer leaves a thing out. Secrets are never asked for, only their names.\n"
    )
    asked = replace(
        given,
        name=given.name or _text("Name of the platform", "name", default="my-dex"),
        rpc=given.rpc or _list("RPC endpoint (http)", ENDPOINTS_MAX, "rpc"),
        addresses=given.addresses
        or _once(_list("Address of a pool or contract", CONTRACTS_MAX, "addresses")),
        api_url=given.api_url or _text("Health URL of the API", "api_url"),
        metrics_address=given.metrics_address
        or _text("host:port of the platform's /metrics", "metrics_address"),
        dsn_env=given.dsn_env or _text("Variable that holds the PostgreSQL DSN", "dsn_env"),
        redis_url=given.redis_url or _text("Redis URL", "redis_url"),
        nginx_status=given.nginx_status or _text("nginx stub_status URL", "nginx_status"),
        outside_url=given.outside_url
        or _text("Address outside that pages when our pings stop", "outside_url"),
    )
    channels = {c.name: _ask_channel(c, given.channels.get(c.name, {})) for c in NOTIFIERS}
    return replace(asked, channels=channels)


def _ask_channel(
    channel: Channel[Any], given: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    """Ask what a channel needs, again when it is wrong; nothing more once an answer was empty."""
    answers = dict(given)
    for question in channel.setup.questions:
        if question.key in answers:
            continue
        said = _list(question.words, ENDPOINTS_MAX) if question.many else (_text(question.words),)
        if not any(said):
            return answers
        answers[question.key] = said
    refused = refusals(Draft("my-dex", channels={channel.name: answers}))
    if not refused:
        return answers
    out.print(foreign(str(refused[0])), soft_wrap=True)
    return _ask_channel(channel, given)


def _text(question: str, field: str = "", *, default: str = "") -> str:
    """Ask until the answer is one that the settings take as this part of the draft."""

    def taken(answer: str) -> str:
        answer = answer.strip()
        if field == "name":
            answer = _slug(answer) or answer
        if field and answer:
            many = field in {"rpc", "addresses"}
            given: dict[str, Any] = {field: (answer,) if many else answer}
            for refusal in refusals(assumed(replace(Draft("my-dex"), **given))):
                raise typer.BadParameter(safe(f"{refusal.message}. {refusal.remedy}"))
        return answer

    shown = bool(default)
    return str(typer.prompt(question, default=default, show_default=shown, value_proc=taken))


def _list(question: str, most: int, field: str = "") -> tuple[str, ...]:
    found: list[str] = []
    while len(found) < most and (answer := _text(f"{question} {len(found) + 1}", field)):
        found.append(answer)
    return tuple(found)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64]


def _write_answers(file: Path, draft: Draft) -> None:
    write_file(file, write(draft).encode())
    for name, address in draft_secrets(draft).items():
        write_file(file.parent / name, f"{address}\n".encode())
    token = file.parent / "hook.token"
    if not token.exists():
        write_file(token, f"{secrets.token_urlsafe(32)}\n".encode())


def _write(file: Path, draft: Draft) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_answers(file, draft)
    users = file.parent / "users.json"
    out.print(f"\nWrote [bold]{foreign(str(file))}[/].")
    if not users.exists():
        password = add_user(users, "admin")
        out.print(f"Sign-in for the console: [bold]admin[/] / [bold]{password}[/] (shown once).")
    named = "" if file == CONFIG_DEFAULT else f" -c {foreign(shlex.quote(str(file)))}"
    tried = ("test-notification",) if draft.channels else ()
    commands = ("check", "doctor", *tried, "up")
    steps = (f"[bold]dexwatch {name}{named}[/]" for name in commands)
    out.print(f"Next: {', then '.join(steps)}.", soft_wrap=True)
