"""`dexwatch up` takes a changed configuration: all of it, or nothing.

1. The files are read and judged whole. A mistake anywhere changes nothing.
2. The daemons' new files are checked by the daemons' own checkers and loaded: rules, targets,
   probes. If one refuses, those that took them before go back.
3. The roles are told to read the configuration, and say how it went.

What only a restart can change (ports, folder, mode, ...) stays as it is, and is named.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence

import structlog

from dexwatch.clock import monotonic
from dexwatch.daemons.program import DaemonError, Program
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.roles.registry import ROLES, RoleSpec, frozen
from dexwatch.roles.reload.answer import Answer, answer, answered, requested
from dexwatch.roles.reload.role import answer_file, answer_name
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.snapshot import Configuration, changed, keeping

ROLE_SECONDS = 20.0
"""A role finishes what is under way before it begins anew."""

Plan = Callable[[Settings], tuple[Program, ...]]
"""Returns all programs that `up` runs with these settings."""

_log = structlog.get_logger(__name__)


class Reloading:
    """Changes what runs under a supervisor to what the configuration says now."""

    def __init__(self, supervisor: Supervisor, configuration: Configuration, plan: Plan) -> None:
        self._supervisor = supervisor
        self._configuration = configuration
        self._plan = plan

    async def serve(self, again: asyncio.Event) -> None:
        """Reload each time that `again` is set, for ever."""
        run = self._configuration.current.settings.folder / "run"
        while True:
            await again.wait()
            again.clear()
            request = requested(run)
            try:
                given = await self.reload(request)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end what runs.
                _log.exception("config.reload_failed")
                given = self._refused(request, [f"the reload failed: {type(error).__name__}"])
            with contextlib.suppress(OSError):
                await asyncio.to_thread(answer, run, given)

    async def reload(self, request: str = "") -> Answer:
        """Read the configuration and take it into use, or change nothing; say which."""
        configuration = self._configuration
        former = configuration.current.settings
        try:
            # All of it is judged, and then only what this process needs is kept.
            await asyncio.to_thread(load, configuration.file)
            read = await asyncio.to_thread(load, configuration.file, secrets=configuration.secrets)
        except SettingsError as error:
            return self._refused(request, [str(problem) for problem in error.problems])
        fixed = frozen(former)
        latter = keeping(former, read, fixed)
        try:
            names = await self._daemons(self._plan(former), self._plan(latter))
        except (DaemonError, ValueError) as error:
            return self._refused(request, [str(error)])
        problems = await self._roles(latter)
        if problems:
            return self._refused(request, problems)
        snapshot = configuration.accept(latter)
        restart = changed(former, read, fixed)
        _log.info("config.reloaded", version=snapshot.version, changed=names, restart=restart)
        return Answer(request, good=True, version=snapshot.version, changed=names, restart=restart)

    def _refused(self, request: str, problems: Sequence[str]) -> Answer:
        self._configuration.refuse()
        version = self._configuration.current.version
        _log.error("config.refused", version=version, problems=list(problems))
        return Answer(request, good=False, version=version, problems=problems)

    async def _daemons(
        self, former: tuple[Program, ...], latter: tuple[Program, ...]
    ) -> tuple[str, ...]:
        """Bring the daemons from the former programs to the latter, or all back again.

        Raises:
            DaemonError: one refuses; the others are as they were.
        """
        roles = {spec.name for spec in ROLES}
        old = {program.name: program for program in former if program.name not in roles}
        new = {program.name: program for program in latter if program.name not in roles}
        taken: list[str] = []
        try:
            added = [program for name, program in new.items() if name not in old]
            if added:
                await self._supervisor.start(added)
                taken += [program.name for program in added]
            for name, program in new.items():
                if name in old and await self._supervisor.change(program):
                    taken.append(name)
        except DaemonError:
            await self._back(taken, old)
            raise
        for name in old.keys() - new.keys():
            await self._supervisor.remove(name)
            taken.append(name)
        return tuple(taken)

    async def _back(self, taken: list[str], old: dict[str, Program]) -> None:
        for name in taken:
            try:
                if name in old:
                    await self._supervisor.change(old[name])
                else:
                    await self._supervisor.remove(name)
            except DaemonError as error:
                _log.error("config.not_taken_back", daemon=name, reason=str(error))

    async def _roles(self, latter: Settings) -> list[str]:
        """Tell the roles, and return why any of them refused."""
        former = self._configuration.current.settings
        running = {s.name for s in self._supervisor.states() if s.pid is not None}
        told = [spec for spec in ROLES if spec.name in running]
        for spec in told:
            answer_file(former.folder, spec).unlink(missing_ok=True)
            self._supervisor.send(spec.name, signal.SIGHUP)
        until = monotonic() + ROLE_SECONDS
        found = await asyncio.gather(*(self._heard(spec, latter, until) for spec in told))
        return [problem for problems in found for problem in problems]

    async def _heard(self, spec: RoleSpec, settings: Settings, until: float) -> list[str]:
        run = settings.folder / "run"
        while monotonic() < until:
            given = await asyncio.to_thread(answered, run, name=answer_name(spec))
            if given is not None:
                return [] if given.good else list(given.problems)
            await asyncio.sleep(0.05)
        return [f"{spec.name} has not said within {ROLE_SECONDS:g} s whether it took it"]
