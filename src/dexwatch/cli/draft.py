"""The first configuration of a real platform: what was asked and found, written with comments."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from dexwatch.notifiers.channel import Setup
from dexwatch.notifiers.registry import NOTIFIERS

PEGGED = frozenset({"USDT", "USDC", "BUSD", "FDUSD", "DAI", "USD1", "TUSD", "LISUSD"})
"""Symbols that are taken for a dollar; the file tells the operator to check."""


_PLAIN_PATH = 4
"""A longer path of an address, unlike `/ws` or a database's number, may be a key."""


@dataclass(frozen=True)
class Endpoint:
    """A node as it was given; `ws` is empty where only polling is possible, and is not tried."""

    name: str
    http: str
    ws: str


@dataclass(frozen=True)
class Token:
    """A token of a recognised pool."""

    symbol: str
    address: str
    decimals: int

    @property
    def pegged(self) -> bool:
        """Does the symbol promise a dollar?"""
        return self.symbol.upper() in PEGGED


@dataclass(frozen=True)
class Pool:
    """A recognised pool; the fee is in hundredths of a per cent."""

    kind: str
    address: str
    token0: Token
    token1: Token
    fee_bps: float

    @property
    def name(self) -> str:
        """The pair's name; pools of another kind say it, with the fee by which they differ."""
        pair = f"{self.token0.symbol}/{self.token1.symbol}"
        return pair if self.kind == "v2" else f"{pair} {self.kind} {self.fee_bps / 100:g}%"


@dataclass(frozen=True)
class Contract:
    """Another contract at a given address, or what no node told of."""

    name: str
    address: str
    pausable: bool
    reached: bool = True


@dataclass(frozen=True)
class Draft:
    """What the operator said, and what was found by trying it; empty parts become examples."""

    name: str
    # What was said.
    rpc: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    dsn_env: str = ""
    redis_url: str = ""
    nginx_status: str = ""
    api_url: str = ""
    metrics_address: str = ""
    outside_url: str = ""
    """Told as long as all is well; it pages when that stops."""
    channels: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Answers to the questions of each channel by its name and the question's key."""
    # What was found.
    chain_id: int = 56
    block_interval_ms: int | None = None
    """None: it could not be measured."""
    endpoints: tuple[Endpoint, ...] = ()
    pools: tuple[Pool, ...] = ()
    contracts: tuple[Contract, ...] = ()
    absent: tuple[Contract, ...] = ()
    """Nothing was at their address; they are commented out."""
    notes: tuple[str, ...] = ()
    """What was left open; it stands at the top so that it is not forgotten."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The pools' tokens, each once."""
        found = {t.address: t for pool in self.pools for t in (pool.token0, pool.token1)}
        return tuple(found.values())

    @property
    def symbols(self) -> Mapping[str, str]:
        """What each token is called in the file, by its address; no two are called the same."""
        return told_apart({token.address: token.symbol for token in self.tokens})

    @property
    def pool_names(self) -> Mapping[str, str]:
        """What each pool is called in the file, by its address; no two are called the same."""
        return told_apart({pool.address: pool.name for pool in self.pools})


NAME_MOST = 64
_SHORTEST, _WHOLE = 6, 40


def told_apart(names: Mapping[str, str]) -> Mapping[str, str]:
    """Return a name for each address that no other has, at most 64 characters long.

    Names are the chain's: two tokens may bear one symbol, two pools one pair and fee, and anybody
    may choose a name that looks like another's with a part of its address.
    """
    for digits in (0, _SHORTEST, _WHOLE):
        wanted = Counter(_called(name, address, 0) for address, name in names.items())
        found = {
            address: _called(name, address, digits if wanted[_called(name, address, 0)] > 1 else 0)
            for address, name in names.items()
        }
        if len(set(found.values())) == len(found):
            return found
    return {address: _called(name, address, _WHOLE) for address, name in names.items()}


def _called(name: str, address: str, digits: int) -> str:
    tail = f" {address.removeprefix('0x')[:digits]}" if digits else ""
    return name[: NAME_MOST - len(tail)] + tail


def write(draft: Draft) -> str:
    """Return the text of dexwatch.yml."""
    pages = Environment(
        loader=PackageLoader("dexwatch.cli"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - this is YAML; foreign text goes through `quote`.
    )
    pages.filters["quote"] = _quoted
    pages.filters["address"] = _address
    pages.filters["line"] = _line
    notify = "\n".join(_notify(pages, draft))
    return pages.get_template("dexwatch.yml.jinja").render(draft=draft, notify=notify)


def answered(setup: Setup, answers: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether all that a channel needs was answered."""
    return all(answers.get(question.key) for question in setup.questions)


def _notify(pages: Environment, draft: Draft) -> Iterator[str]:
    """Yield the lines below `notify`; a channel without answers becomes a commented example."""
    for channel in NOTIFIERS:
        answers = draft.channels.get(channel.name, {})
        given = answered(channel.setup, answers)
        values = {
            q.key: list(said) if q.many else said[0]
            for q in channel.setup.questions
            for said in [answers[q.key] if given else (q.example,)]
        }
        for line in pages.from_string(channel.setup.template).render(values).splitlines():
            yield f"  {line}" if given else f"  # {line}"


def secrets(draft: Draft) -> dict[str, str]:
    """Return the addresses that may hold a key or password, by the name of their file."""
    addresses = {"redis.url": draft.redis_url, "outside.url": draft.outside_url}
    for endpoint in draft.endpoints:
        addresses |= {f"{endpoint.name}.http": endpoint.http, f"{endpoint.name}.ws": endpoint.ws}
    return {name: address for name, address in addresses.items() if _may_hold_key(address)}


def _may_hold_key(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    return bool(parts.username or parts.password or parts.query or len(parts.path) > _PLAIN_PATH)


def _address(address: str, file: str) -> str:
    return f"{{file: ./{file}}}" if _may_hold_key(address) else _quoted(address)


def _line(text: str) -> str:
    """Return foreign text as one line of a comment; YAML holds no control characters."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))[:200]


def _quoted(value: str | list[str]) -> str:
    """Quote for YAML, so that a stranger's token symbol cannot break out.

    JSON's quotes and escapes are YAML's too, but for characters beyond 16 bits and invisible ones.
    """
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
