"""Runs everything on one machine: the daemons, and a child process for each role."""

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol

from dexwatch.daemons.program import DaemonError, Program
from dexwatch.daemons.programs.secrets import kept
from dexwatch.daemons.supervisor import ProgramState, Supervisor
from dexwatch.roles.evaluation import Evaluation
from dexwatch.roles.http import exposition, relay
from dexwatch.roles.privileges import require_private
from dexwatch.roles.process import build_info
from dexwatch.roles.programs import daemons, programs
from dexwatch.roles.registry import SUPERVISOR
from dexwatch.roles.reload.in_use import InUse, Texts
from dexwatch.roles.reload.supervisor import Reloading
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.document import read_texts
from dexwatch.settings.named_files import unreadable
from dexwatch.settings.snapshot import Configuration


class Report(Protocol):
    """Is told of the programs while they start; `started` once all that must be ready are.

    The states alone do not tell: a program that waits for others has none yet.
    """

    def __call__(self, states: tuple[ProgramState, ...], *, started: bool) -> None:
        """Take what is known of each program that was begun."""


REPORT_SECONDS = 0.2


async def up(
    settings: Settings,
    file: Path,
    *,
    stop: asyncio.Event,
    again: asyncio.Event | None = None,
    report: Report | None = None,
    evaluation: Evaluation | None = None,
) -> None:
    """Start daemons and roles, keep them running until `stop` is set, then end them.

    Each time that `again` is set, the configuration is read again and taken into use.
    `report` is called with the programs' states while they start, and once when all are ready.

    Raises:
        DaemonError: something cannot be started, or the state folder is not private; everything
            that was started is ended again.
    """
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_private(settings.folder)
    evaluation = evaluation or Evaluation()
    # The roles work in the state folder, where a relative path would lead elsewhere.
    file = file.absolute()  # noqa: ASYNC240 - it only looks at the working folder.
    configuration = Configuration(file, settings, secrets=SUPERVISOR.secrets)
    async with contextlib.AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(Supervisor(settings.folder))
        texts = await asyncio.to_thread(_texts, settings, file)
        in_use = await asyncio.to_thread(InUse, settings.folder / "run", texts)
        await stack.enter_async_context(_exposed(supervisor, configuration))
        planned = programs(settings, file, evaluation, texts=texts)
        if not await _started(supervisor, planned, stop, report):
            return
        reloading = Reloading(
            supervisor,
            configuration,
            plan=lambda latter: daemons(latter, evaluation),
            in_use=in_use,
        )
        serving = asyncio.create_task(reloading.serve(again or asyncio.Event()))
        stack.push_async_callback(_ended, serving)
        await stop.wait()


def _exposed(
    supervisor: Supervisor, configuration: Configuration
) -> contextlib.AbstractAsyncContextManager[int]:
    """Serve our own metrics, and those of programs that have no port."""
    settings = configuration.current.settings
    listen = settings.daemons.supervisor
    own = kept(settings.daemons, folder=settings.folder).access
    return exposition.serve(
        lambda: (*supervisor.samples(), *configuration.samples(), build_info("supervisor")),
        listen.port,
        access=own,
        more=[relay.route(supervisor.programs, own)],
        setting="daemons.supervisor.port",
        host=listen.host,
        names=[listen.url],
    )


def _texts(settings: Settings, file: Path) -> Texts:
    """Return the text of the files for the roles, which must run with the settings that we have."""
    try:
        texts = read_texts(file)
        read = load(file, secrets=SUPERVISOR.secrets, texts=texts)
    except SettingsError as error:
        raise DaemonError(str(error)) from error
    if read != settings:
        raise DaemonError(f"{file} was edited while dexwatch began: start it again")
    if problems := list(unreadable(settings)):
        raise DaemonError(str(SettingsError(problems)))
    return texts


async def _started(
    supervisor: Supervisor,
    planned: tuple[Program, ...],
    stop: asyncio.Event,
    report: Report | None,
) -> bool:
    """Start the programs, reporting on the way; False when told to stop meanwhile."""
    starting = asyncio.create_task(supervisor.start(planned))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not starting.done() and not stopping.done():
            await asyncio.wait(
                {starting, stopping},
                timeout=REPORT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if report is not None:
                report(supervisor.states(), started=False)
        if stopping.done():
            return False
        starting.result()
        if report is not None:
            report(supervisor.states(), started=True)
        return True
    finally:
        await _ended(starting)
        await _ended(stopping)


async def _ended(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
