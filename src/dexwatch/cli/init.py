"""`dexwatch init`: asks, tries each answer, and writes a commented configuration."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from dexwatch.chain import probes as chain
from dexwatch.cli.draft import Contract, Draft, Endpoint, Pool, answered, write
from dexwatch.cli.draft import secrets as draft_secrets
from dexwatch.cli.present import CONFIG_DEFAULT, EXIT_USAGE, fail, out
from dexwatch.cli.probing import recognise
from dexwatch.cli.records.users import add_user
from dexwatch.cli.terminal import foreign
from dexwatch.clients.http import SourceError
from dexwatch.clients.probing import ProbeError, http_answers
from dexwatch.notifiers.channel import Setup
from dexwatch.notifiers.registry import NOTIFIERS

ENDPOINTS_MAX = 8
CONTRACTS_MAX = 100
BSC = 56

NOTIFY_KEYS = tuple(f"{c.name}.{q.key}" for c in NOTIFIERS for q in c.setup.questions)
NOTIFY_HELP = f"Who is told, several times: KEY is one of {', '.join(NOTIFY_KEYS)}."

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
    if file.exists() and not force:
        fail(f"{file} is there already", "Name another file, or say --force.", status=EXIT_USAGE)
    said = Draft(
        name=name,
        rpc=tuple(rpc or ()),
        addresses=tuple(contract or ()),
        api_url=api,
        metrics_address=metrics,
        dsn_env=dsn_env,
        redis_url=redis,
        outside_url=outside,
        nginx_status=nginx,
        channels=_channels(tuple(notify or ())),
    )
    said = said if yes else _ask(said)
    draft = asyncio.run(_try(replace(said, name=_slug(said.name) or "my-dex")))
    _write(file, draft)


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
        name=given.name or typer.prompt("Name of the platform", default="my-dex"),
        rpc=given.rpc or _list("RPC endpoint (http)", ENDPOINTS_MAX),
        addresses=given.addresses or _list("Address of a pool or contract", CONTRACTS_MAX),
        api_url=given.api_url or _text("Health URL of the API"),
        metrics_address=given.metrics_address or _text("host:port of the platform's /metrics"),
        dsn_env=given.dsn_env or _text("Variable that holds the PostgreSQL DSN"),
        redis_url=given.redis_url or _text("Redis URL"),
        nginx_status=given.nginx_status or _text("nginx stub_status URL"),
    )
    outside = given.outside_url or _text("Address outside that pages when our pings stop")
    channels = {c.name: _ask_channel(c.setup, given.channels.get(c.name, {})) for c in NOTIFIERS}
    return replace(asked, outside_url=outside, channels=channels)


def _ask_channel(
    setup: Setup, given: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    """Ask what a channel needs; nothing more once an answer was empty."""
    answers = dict(given)
    for question in setup.questions:
        if question.key in answers:
            continue
        said = _list(question.words, ENDPOINTS_MAX) if question.many else (_text(question.words),)
        if not any(said):
            break
        answers[question.key] = said
    return answers


def _text(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False)).strip()


def _list(question: str, most: int) -> tuple[str, ...]:
    found: list[str] = []
    while len(found) < most and (answer := _text(f"{question} {len(found) + 1}")):
        found.append(answer)
    return tuple(found)


async def _try(said: Draft) -> Draft:
    """Try each answer, say what was found, and keep what did not answer as a note."""
    notes: list[str] = []
    draft = await _endpoints(said, notes)
    pools, contracts = await _contracts(draft, notes)
    for what, url in (
        ("api", said.api_url),
        ("nginx", said.nginx_status),
        ("metrics", f"http://{said.metrics_address}/metrics" if said.metrics_address else ""),
    ):
        await _url(what, url, notes)
    channels = {}
    for channel in NOTIFIERS:
        answers = said.channels.get(channel.name, {})
        if answered(channel.setup, answers):
            channels[channel.name] = answers
        elif answers:
            absent = [q.key for q in channel.setup.questions if q.key not in answers]
            notes.append(f"{channel.name}: left out, because {', '.join(absent)} was not given")
    return replace(draft, pools=pools, contracts=contracts, channels=channels, notes=tuple(notes))


async def _endpoints(said: Draft, notes: list[str]) -> Draft:
    chain_id = interval = None
    found = []
    for index, url in enumerate(said.rpc[:ENDPOINTS_MAX]):
        name = f"node-{chr(ord('a') + index)}"
        try:
            node = await chain.node(url, measure=interval is None)
            if chain_id not in {None, node.chain_id}:
                _bad(f"{name}: serves chain {node.chain_id}, the others {chain_id}", notes)
            else:
                chain_id, interval = node.chain_id, interval or node.block_interval_ms
                every = f", one every {interval} ms" if interval else ""
                _good(f"{name}: chain {chain_id}, block {node.head:,}{every}")
        except (SourceError, ValueError) as error:
            _bad(f"{name}: {_reason(error)}", notes)
        found.append(Endpoint(name, url, _socket(url)))
    if said.rpc and interval is None:
        _bad("block interval: not measured; set chain.block_interval_ms yourself", notes)
    return replace(
        said, endpoints=tuple(found), chain_id=chain_id or BSC, block_interval_ms=interval
    )


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, SourceError) else "no http:// or https:// address"


def _socket(url: str) -> str:
    """Most nodes serve WebSocket at the same address; `doctor` says when one does not."""
    return re.sub(r"^http", "ws", url)


async def _contracts(
    draft: Draft, notes: list[str]
) -> tuple[tuple[Pool, ...], tuple[Contract, ...]]:
    found: list[Pool | Contract] = []
    once = tuple(dict.fromkeys(address.lower() for address in draft.addresses))
    for index, address in enumerate(once[:CONTRACTS_MAX]):
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
            _bad(f"{address}: no address (0x and 40 hexadecimal digits)", notes)
            continue
        name = f"contract-{index + 1}"
        try:
            thing = (
                await recognise.contract(draft.rpc[0], address, name=name) if draft.rpc else None
            )
        except (SourceError, ValueError) as error:
            _bad(f"{address}: {_reason(error)}", notes)
            continue
        if thing is None:
            _bad(f"{address}: no contract is there", notes)
            continue
        kind = f"{thing.kind} pool {thing.name}" if isinstance(thing, Pool) else "contract"
        _good(f"{address}: {kind}")
        found.append(thing)
    pools = tuple(thing for thing in found if isinstance(thing, Pool))
    return pools, tuple(thing for thing in found if isinstance(thing, Contract))


async def _url(what: str, url: str, notes: list[str]) -> None:
    if not url:
        return
    try:
        _good(f"{what}: {url} {await http_answers(url)}")
    except (SourceError, ProbeError) as error:
        _bad(f"{what}: {url} {error}", notes)


def _good(text: str) -> None:
    out.print(f"  [green]✓[/] {foreign(text)}")


def _bad(text: str, notes: list[str]) -> None:
    out.print(f"  [yellow]![/] {foreign(text)}")
    notes.append(_without_secret(text))


def _without_secret(text: str) -> str:
    """An RPC address may hold a key in its path or query, so a note keeps only host and port."""
    return re.sub(r"\b(https?|wss?)://\S+", lambda m: _public_part(m[0]), text)


def _public_part(url: str) -> str:
    parts = urlsplit(url.rstrip(":,"))
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}" + (" (path left out)" if parts.path.strip("/") else "")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64]


def _write(file: Path, draft: Draft) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    _private(file, write(draft))
    for name, address in draft_secrets(draft).items():
        _private(file.parent / name, address + "\n")
    token = file.parent / "hook.token"
    if not token.exists():
        _private(token, secrets.token_urlsafe(32) + "\n")
    users = file.parent / "users.json"
    out.print(f"\nWrote [bold]{foreign(str(file))}[/].")
    if not users.exists():
        password = add_user(users, "admin")
        out.print(f"Sign-in for the console: [bold]admin[/] / [bold]{password}[/] (shown once).")
    named = "" if file == CONFIG_DEFAULT else f" -c {foreign(str(file))}"
    tried = ("test-notification",) if draft.channels else ()
    commands = ("check", "doctor", *tried, "up")
    steps = (f"[bold]dexwatch {name}{named}[/]" for name in commands)
    out.print(f"Next: {', then '.join(steps)}.", soft_wrap=True)


def _private(file: Path, text: str) -> None:
    """Write a file that only we may read, from its first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
