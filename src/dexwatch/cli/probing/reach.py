"""Tries everything that a configuration names, each with a time-out, all side by side."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from dexwatch.chain.config import ChainConfig, EndpointConfig
from dexwatch.cli.probing import recognise
from dexwatch.clients.access import Access
from dexwatch.clients.config import DatabaseConfig, QueryConfig
from dexwatch.clients.database import PlatformDatabase
from dexwatch.clients.http import HttpClient, SourceError
from dexwatch.daemons.config import DaemonsConfig, ProbeConfig
from dexwatch.daemons.ports import holder, is_free
from dexwatch.metrics.business import BUSINESS_METRICS
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.channel import ProbeError
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.roles.registry import ROLES
from dexwatch.settings import Settings

TIMEOUT_SECONDS = 8.0
FREE_BYTES = 2_000_000_000


class State(StrEnum):
    """How a trial ended."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One thing that was tried; `remedy` says what to do when it did not work."""

    area: str
    subject: str
    state: State
    detail: str
    remedy: str = ""


Try = Callable[[], Awaitable[str]]


class TrialError(Exception):
    """The thing does not work; the words say how."""


async def reach(settings: Settings) -> tuple[Trial, ...]:
    """Try everything; the order is that of the configuration."""
    return tuple(
        await asyncio.gather(
            *(
                _carry_out(area, subject, trial, remedy)
                for area, subject, trial, remedy in _trials(settings)
            )
        )
    )


def _trials(settings: Settings) -> Iterator[tuple[str, str, Try, str]]:
    if settings.chain is not None:
        yield from _chain(settings, settings.chain)
    if settings.database is not None:
        yield from _database(settings.database)
    yield from _daemons(settings)
    yield from _notify(settings.notify)
    yield "console", "users", partial(_users, settings), "Add one with `dexwatch user NAME`."
    yield "folder", str(settings.folder), partial(_disk, settings), "Make room, or move `folder`."


def _chain(settings: Settings, chain: ChainConfig) -> Iterator[tuple[str, str, Try, str]]:
    for endpoint in chain.endpoints:
        yield (
            "chain",
            endpoint.name,
            partial(_endpoint, endpoint, chain.chain_id),
            "Check the address and key of this endpoint.",
        )
    first = chain.endpoints[0].http.get_secret_value()
    known = {pool.name: pool.address for pool in settings.dex.pools}
    known |= {contract.name: contract.address for contract in settings.dex.contracts}
    for name, address in known.items():
        yield (
            "contract",
            name,
            partial(_contract, first, address),
            "Check the address, and that it is on this chain.",
        )


async def _endpoint(endpoint: EndpointConfig, chain_id: int) -> str:
    node = await recognise.node(endpoint.http.get_secret_value())
    head = node.head
    if node.chain_id != chain_id:
        raise TrialError(f"it serves chain {node.chain_id}, the configuration says {chain_id}")
    if endpoint.ws is None:
        return f"block {head:,}; no ws address, so heads are polled"
    address = urlsplit(endpoint.ws.get_secret_value())
    port = address.port or (443 if address.scheme == "wss" else 80)
    await _tcp(address.hostname or "", port)
    return f"block {head:,}; WebSocket port open"


async def _contract(url: str, address: str) -> str:
    if await recognise.contract(url, address, name="") is None:
        raise TrialError(f"no contract at {address}")
    return address


def _database(config: DatabaseConfig) -> Iterator[tuple[str, str, Try, str]]:
    if not config.queries:
        yield "database", "connection", partial(_connection, config), "Check the DSN."
    for query in config.queries:
        yield (
            "database",
            query.metric,
            partial(_query, config, query),
            "Check the DSN, the role's rights, and the query's columns.",
        )


async def _connection(config: DatabaseConfig) -> str:
    asked = QueryConfig(metric="business_query_value", sql="select 1 as value, 'doctor' as query")
    await _query(config, asked)
    return "signed in; no queries are configured"


async def _query(config: DatabaseConfig, query: QueryConfig) -> str:
    database = PlatformDatabase(config)
    labels = next(m.labels for m in BUSINESS_METRICS if m.name == query.metric)
    try:
        rows = await database.fetch(query, labels)
    finally:
        await database.close()
    return f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}"


def _daemons(settings: Settings) -> Iterator[tuple[str, str, Try, str]]:
    daemons = settings.daemons
    if daemons.mode == "external":
        for name, url, access in (
            ("Prometheus", daemons.prometheus_url, daemons.prometheus.access),
            ("Alertmanager", daemons.alertmanager_url, daemons.alertmanager.access),
        ):
            trial = partial(_get, f"{url}/-/ready", access)
            yield "daemon", name, trial, "Start it, or correct its url and what it asks for."
    else:
        yield from _embedded(settings)
    for target in daemons.redis.targets:
        yield "redis", target.name, partial(_redis, target.url.get_secret_value()), "Check the url."
    for edge in daemons.nginx.targets:
        yield "nginx", edge.name, partial(_get, edge.status_url), "Enable stub_status there."
    for scraped in daemons.targets:
        url = f"{scraped.scheme}://{scraped.address}{scraped.path}"
        access = Access(token=scraped.token)
        yield "target", scraped.job, partial(_get, url, access), "Check address, path and token."
    for probe in daemons.probes:
        yield "probe", probe.name, partial(_probe, probe), "Check the target."


def _embedded(settings: Settings) -> Iterator[tuple[str, str, Try, str]]:
    for name in _binaries(settings.daemons):
        yield (
            "daemon",
            name,
            partial(_binary, name),
            f"Install the Debian package {name}, or run `make setup`.",
        )
    taken = ports(settings)
    yield (
        "ports",
        f"{len(taken)} ports",
        partial(_ports, taken),
        "Choose others in these settings, or all at once by `base_port`.",
    )


def ports(settings: Settings) -> dict[str, int]:
    """Return every port that `up` listens on in the embedded mode, by its setting."""
    return {
        **settings.daemons.listeners(),
        **{f"{spec.section}.port": spec.listens(settings).port for spec in ROLES},
    }


def _binaries(daemons: DaemonsConfig) -> Iterator[str]:
    yield from ("prometheus", "prometheus-alertmanager")
    for wanted, name in (
        (daemons.node.enabled, "prometheus-node-exporter"),
        (bool(daemons.looks), "prometheus-blackbox-exporter"),
        (bool(daemons.postgres.targets), "prometheus-postgres-exporter"),
        (bool(daemons.redis.targets), "prometheus-redis-exporter"),
        (bool(daemons.nginx.targets), "prometheus-nginx-exporter"),
    ):
        if wanted:
            yield name


async def _binary(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise TrialError("is not installed")
    return found


async def _ports(ports: dict[str, int]) -> str:
    taken = {setting: number for setting, number in ports.items() if not is_free(number)}
    if not taken:
        return "all free"
    if len(taken) == len(ports):
        return "all in use, so dexwatch seems to be running"
    raise TrialError(
        "; ".join(
            f"{setting} {number} is held by {holder(number)}" for setting, number in taken.items()
        )
    )


def _notify(notify: NotifyConfig) -> Iterator[tuple[str, str, Try, str]]:
    channels = tuple(notifiers.configured(notify))
    if not channels:
        settings = ", ".join(channel.setting for channel in notifiers.NOTIFIERS)
        yield "notify", "anybody", _nobody, f"Add one of these under `notify`: {settings}."
    for channel, config in channels:
        for probe in channel.probes(config):
            yield "notify", probe.subject, probe.attempt, probe.remedy


async def _nobody() -> str:
    raise TrialError("nobody would be told of an alert")


async def _probe(probe: ProbeConfig) -> str:
    if probe.kind in {"http", "rpc"}:
        # An RPC door answers a GET with an error of its own; that it answers is enough here.
        return await _get(probe.target) if probe.kind == "http" else await _open(probe.target)
    if probe.kind in {"tcp", "tls"}:
        host, _, port = probe.target.rpartition(":")
        return await _tcp(host, int(port))
    return "tried by blackbox_exporter only"


async def _open(url: str) -> str:
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    return await _tcp(address.hostname or "", port)


async def _redis(url: str) -> str:
    address = urlsplit(url)
    return await _tcp(address.hostname or "", address.port or 6379)


async def _get(url: str, access: Access | None = None) -> str:
    async with HttpClient(url, timeout_seconds=TIMEOUT_SECONDS, access=access) as client:
        reply = await client.send("GET")
    if 300 <= reply.status < 400:
        # Prometheus and the probes would follow it, or not; the final address leaves no doubt.
        raise TrialError(f"status {reply.status}: write the address it leads to, {reply.location}")
    if reply.status >= 400:
        raise TrialError(f"answers with status {reply.status}")
    return f"status {reply.status}"


async def _tcp(host: str, port: int) -> str:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return f"port {port} open"


async def _users(settings: Settings) -> str:
    file = settings.console.users_file
    if not file.exists():
        raise TrialError(f"{file} does not exist, so nobody can sign in")
    return str(file)


async def _disk(settings: Settings) -> str:
    existing = next(p for p in (settings.folder, *settings.folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < FREE_BYTES:
        raise TrialError(f"only {free / 1e9:.1f} GB are free")
    return f"{free / 1e9:.0f} GB free"


async def _carry_out(area: str, subject: str, trial: Try, remedy: str) -> Trial:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS + 2):
            return Trial(area, subject, State.OK, await trial())
    except TimeoutError:
        detail = "no answer in time"
    except (TrialError, ProbeError, SourceError) as error:
        detail = str(error)
    except (OSError, ValueError) as error:
        # The words of these may quote an address that holds a key.
        detail = getattr(error, "strerror", None) or type(error).__name__
    return Trial(area, subject, State.FAILED, detail, remedy)
