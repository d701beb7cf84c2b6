"""Tries everything that a configuration names, each with a time-out, all side by side.

Each capability says what its part needs; here only what concerns this machine is added.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from dexwatch.chain import probes as chain
from dexwatch.clients import database
from dexwatch.clients.http import SourceError
from dexwatch.clients.probing import TIMEOUT_SECONDS, Probe, ProbeError
from dexwatch.clients.unreachable import why
from dexwatch.daemons.ports import holder, is_free
from dexwatch.daemons.programs import probes as daemons
from dexwatch.notifiers import registry as notifiers
from dexwatch.roles.registry import ROLES
from dexwatch.secret import WithheldError
from dexwatch.settings import Problem, Settings
from dexwatch.settings.exposure import exposed

FREE_BYTES = 2_000_000_000


class State(StrEnum):
    """How a trial ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One thing that was tried; `remedy` says what to do when it did not work."""

    area: str
    subject: str
    state: State
    detail: str
    remedy: str = ""


async def reach(settings: Settings, file: Path) -> tuple[Trial, ...]:
    """Try everything; the order is that of the configuration."""
    tried = await trials(settings)
    return (*tried, *(_warning(problem) for problem in exposed(file, settings)))


async def trials(
    settings: Settings, wanted: Callable[[str], bool] = lambda _: True
) -> tuple[Trial, ...]:
    """Try what is below the headings that are wanted, but what needs a secret that is withheld."""
    probes = (
        (probe.area or area, probe)
        for area, probes in CAPABILITIES.items()
        for probe in probes(settings)
    )
    tried = await asyncio.gather(*(_carry_out(area, one) for area, one in probes if wanted(area)))
    return tuple(trial for trial in tried if trial is not None)


def _chain(settings: Settings) -> Iterable[Probe]:
    if settings.chain is None:
        return ()
    addresses = {pool.name: pool.address for pool in settings.dex.pools}
    addresses |= {contract.name: contract.address for contract in settings.dex.contracts}
    return chain.probes(settings.chain, addresses)


def _database(settings: Settings) -> Iterable[Probe]:
    return () if settings.database is None else database.probes(settings.database)


def _daemons(settings: Settings) -> Iterator[Probe]:
    yield from daemons.probes(settings.daemons)
    if settings.daemons.mode == "embedded":
        taken = ports(settings)
        yield Probe(
            f"{len(taken)} ports",
            partial(_ports, taken),
            "Choose others in these settings, or all at once by `base_port`.",
            area="ports",
        )


def ports(settings: Settings) -> dict[str, int]:
    """Return every port that `up` listens on in the embedded mode, by its setting."""
    return {
        **settings.daemons.listeners(),
        **{f"{spec.section}.port": spec.listens(settings).port for spec in ROLES},
    }


async def _ports(ports: dict[str, int]) -> str:
    taken = {setting: number for setting, number in ports.items() if not is_free(number)}
    if not taken:
        return "all free"
    if len(taken) == len(ports):
        return "all in use, so dexwatch seems to be running"
    raise ProbeError(
        "; ".join(
            f"{setting} {number} is held by {holder(number)}" for setting, number in taken.items()
        )
    )


def _notify(settings: Settings) -> Iterator[Probe]:
    channels = tuple(notifiers.configured(settings.notify))
    if not channels:
        known = ", ".join(channel.setting for channel in notifiers.NOTIFIERS)
        yield Probe("anybody", _nobody, f"Add one of these under `notify`: {known}.")
    for channel, config in channels:
        yield from channel.probes(config)


async def _nobody() -> str:
    raise ProbeError("nobody would be told of an alert")


def _console(settings: Settings) -> Iterator[Probe]:
    yield Probe("users", partial(_users, settings), "Add one with `dexwatch user NAME`.")


async def _users(settings: Settings) -> str:
    file = settings.console.users_file
    if not file.exists():
        raise ProbeError(f"{file} does not exist, so nobody can sign in")
    return str(file)


def _folder(settings: Settings) -> Iterator[Probe]:
    yield Probe(str(settings.folder), partial(_disk, settings), "Make room, or move `folder`.")


async def _disk(settings: Settings) -> str:
    existing = next(p for p in (settings.folder, *settings.folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < FREE_BYTES:
        raise ProbeError(f"only {free / 1e9:.1f} GB are free")
    return f"{free / 1e9:.0f} GB free"


CAPABILITIES: dict[str, Callable[[Settings], Iterable[Probe]]] = {
    "chain": _chain,
    "database": _database,
    "daemon": _daemons,
    "notify": _notify,
    "console": _console,
    "folder": _folder,
}
"""What each capability has to be tried, by the heading below which it is shown."""


async def _carry_out(area: str, probe: Probe) -> Trial | None:
    remedy = probe.remedy
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS + 2):
            return Trial(area, probe.subject, State.OK, await probe.attempt())
    except WithheldError:
        return None
    except TimeoutError:
        detail = "no answer in time"
    except ProbeError as error:
        detail, remedy = str(error), error.remedy or remedy
    except SourceError as error:
        detail = str(error)
    except (OSError, ValueError) as error:
        # The words of these may quote an address that holds a key.
        detail = why(error)
    return Trial(area, probe.subject, State.FAILED, detail, remedy)


def _warning(problem: Problem) -> Trial:
    subject = problem.key or problem.file.name
    return Trial("exposure", subject, State.WARNING, problem.message, problem.remedy)
