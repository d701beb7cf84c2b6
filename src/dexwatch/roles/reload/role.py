"""Run a role so that it takes new settings without its process ending.

On SIGHUP the configuration is read again. When something changed that the role uses, the role is
closed in order, so that what is under way is finished, and begun anew in the same process.
A configuration that is no good, or with which the role does not come up, changes nothing: the role
goes on, or begins again, with the last good one.
"""

import asyncio
from pathlib import Path

import structlog

from dexwatch.roles.process import reload_event, stop_event
from dexwatch.roles.registry import RoleSpec, frozen, run_role
from dexwatch.roles.reload.answer import Answer, answer
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.snapshot import Configuration, changed, keeping

TRIAL_SECONDS = 2.0
"""A role that runs for so long with new settings has come up."""

_log = structlog.get_logger(__name__)


async def with_reload(spec: RoleSpec, settings: Settings, file: Path) -> None:
    """Run the role until SIGINT or SIGTERM, and read its settings anew at each SIGHUP."""
    stop = stop_event()
    configuration = Configuration(file, settings, secrets=spec.secrets)
    await run_with_reload(spec, configuration, stop=stop, again=reload_event(stop))


async def run_with_reload(
    spec: RoleSpec, configuration: Configuration, *, stop: asyncio.Event, again: asyncio.Event
) -> None:
    """Run the role until `stop` is set; each time that `again` is set, read the settings anew."""
    running = _Running(spec, configuration.current.settings)
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stopping.done():
            reading = asyncio.create_task(again.wait())
            await asyncio.wait(
                {running.task, stopping, reading}, return_when=asyncio.FIRST_COMPLETED
            )
            reading.cancel()
            if running.task.done():
                running.task.result()
                return
            if again.is_set() and not stopping.done():
                again.clear()
                running = await _reload(spec, configuration, running)
    finally:
        stopping.cancel()
        await running.close()


class _Running:
    """A role at work with certain settings."""

    def __init__(self, spec: RoleSpec, settings: Settings) -> None:
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(
            run_role(spec, settings, self._stop), name=f"role {spec.name}"
        )

    async def close(self) -> None:
        """Let it finish what is under way, and wait for its end."""
        self._stop.set()
        await asyncio.gather(self.task, return_exceptions=True)


async def _reload(spec: RoleSpec, configuration: Configuration, running: _Running) -> _Running:
    former = configuration.current.settings
    try:
        read = await asyncio.to_thread(load, configuration.file, secrets=configuration.secrets)
    except SettingsError as error:
        _refused(spec, configuration, [str(problem) for problem in error.problems])
        return running
    latter = keeping(former, read, frozen(former))
    if not changed(former, latter, spec.needs):
        configuration.accept(latter)
        _told(spec, configuration, ())
        return running
    await running.close()
    began = _Running(spec, latter)
    done, _ = await asyncio.wait({began.task}, timeout=TRIAL_SECONDS)
    if not done:
        configuration.accept(latter)
        _told(spec, configuration, changed(former, latter, spec.needs))
        return began
    reason = began.task.exception() or "it ended at once"
    _refused(spec, configuration, [f"{spec.name} does not come up with it: {reason}"])
    return _Running(spec, former)


def _told(spec: RoleSpec, configuration: Configuration, what: tuple[str, ...]) -> None:
    snapshot = configuration.current
    _log.info("config.reloaded", role=spec.name, version=snapshot.version, changed=what)
    _answer(spec, configuration, Answer("", good=True, version=snapshot.version, changed=what))


def _refused(spec: RoleSpec, configuration: Configuration, problems: list[str]) -> None:
    configuration.refuse()
    _log.error("config.refused", role=spec.name, problems=problems)
    version = configuration.current.version
    _answer(spec, configuration, Answer("", good=False, version=version, problems=problems))


def _answer(spec: RoleSpec, configuration: Configuration, given: Answer) -> None:
    run = configuration.current.settings.folder / "run"
    try:
        run.mkdir(parents=True, exist_ok=True)
        answer(run, given, name=answer_name(spec))
    except OSError as error:
        _log.warning("config.answer_not_written", role=spec.name, reason=error.strerror)


def answer_name(spec: RoleSpec) -> str:
    """Return the name of the file in `run` where a role says how its reload went."""
    return f"reload-{spec.name}.json"


def answer_file(folder: Path, spec: RoleSpec) -> Path:
    """Return that file in the folder of this dexwatch."""
    return folder / "run" / answer_name(spec)
