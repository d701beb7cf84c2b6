"""`dexwatch up` takes a changed configuration: all of it, or nothing.

1. The files are read and judged whole. A mistake anywhere changes nothing.
2. The daemons' new files are checked by the daemons' own checkers and loaded: rules, targets,
   probes.
3. The roles are told to read the configuration, and say how it went.
4. Daemons that are wanted no longer are stopped.

If a daemon or a role refuses, all that took something before go back. What cannot be brought back
is named in the answer, and so is what only a restart can change (ports, folder, mode, ...).
"""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Callable, Sequence

import structlog

from dexwatch.clock import monotonic
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.program import DaemonError, Program
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.roles.registry import ROLES, RoleSpec, frozen
from dexwatch.roles.reload.answer import Answer, answer, answered, ask, process_mark, requested
from dexwatch.roles.reload.in_use import InUse, Texts
from dexwatch.roles.reload.role import answer_name, order_name
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.document import read_whole_texts
from dexwatch.settings.named_files import require_whole
from dexwatch.settings.snapshot import Configuration, changed, keeping

ROLE_SECONDS = 20.0
"""A role stops listening and claiming, and begins anew; that takes a few seconds."""

_ENDED = "has ended meanwhile: reload again"

Plan = Callable[[Settings], tuple[Program, ...]]
"""Returns the daemons that `up` runs with these settings."""

_log = structlog.get_logger(__name__)


class Reloading:
    """Changes what runs under a supervisor to what the configuration says now."""

    def __init__(
        self, supervisor: Supervisor, configuration: Configuration, *, plan: Plan, in_use: InUse
    ) -> None:
        self._supervisor = supervisor
        self._configuration = configuration
        self._plan = plan
        self._in_use = in_use

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
            texts, read = await asyncio.to_thread(self._read)
        except SettingsError as error:
            return self._refused(request, [str(problem) for problem in error.problems])
        fixed = frozen(former)
        latter = keeping(former, read, fixed)
        taking = _Taking(self._supervisor, former)
        try:
            gone = await taking.daemons(self._plan(former), self._plan(latter))
            await asyncio.to_thread(self._in_use.offer, texts)
            problems = await taking.roles()
            if not problems:
                await asyncio.to_thread(self._in_use.take, texts)
                taking.begin_again()
        except (DaemonError, ValueError) as error:
            problems = [str(error)]
        except Exception as error:  # noqa: BLE001 - what was taken until then must go back.
            _log.exception("config.reload_failed")
            problems = [f"the reload failed: {type(error).__name__}"]
        if problems:
            await taking.back()
            return self._refused(request, problems, taking)
        for name in gone:
            await self._supervisor.remove(name)
        names = (*taking.changed, *gone)
        snapshot = configuration.accept(latter)
        restart = changed(former, read, fixed)
        _log.info("config.reloaded", version=snapshot.version, changed=names, restart=restart)
        return Answer(request, good=True, version=snapshot.version, changed=names, restart=restart)

    def _read(self) -> tuple[Texts, Settings]:
        """Read the files and judge all of them; return what this process needs."""
        file, secrets = self._configuration.file, self._configuration.secrets
        texts = read_whole_texts(file)
        load(file, texts=texts)
        read = load(file, secrets=secrets, texts=texts)
        require_whole(read)
        return texts, read

    def _refused(
        self, request: str, problems: Sequence[str], taking: "_Taking | None" = None
    ) -> Answer:
        self._configuration.refuse()
        version = self._configuration.current.version
        back, kept = (taking.went_back, taking.kept) if taking else ([], [])
        _log.error("config.refused", version=version, problems=list(problems), back=back, kept=kept)
        return Answer(request, good=False, version=version, problems=problems, back=back, kept=kept)


class _Taking:
    """One change on its way through daemons and roles, and its way back."""

    def __init__(self, supervisor: Supervisor, former: Settings) -> None:
        self._supervisor = supervisor
        self._run = former.folder / "run"
        self._id = secrets.token_hex(8)
        self._old: dict[str, Program] = {}
        self._touched: list[str] = []
        self._told: dict[RoleSpec, int] = {}
        self.changed: list[str] = []
        """Daemons and roles that took something."""
        self.went_back: list[str] = []
        self.kept: list[str] = []

    async def daemons(
        self, former: tuple[Program, ...], latter: tuple[Program, ...]
    ) -> tuple[str, ...]:
        """Bring the daemons to the latter programs; return those that are wanted no longer.

        Raises:
            DaemonError: one refuses.
        """
        self._old = {program.name: program for program in former}
        new = {program.name: program for program in latter}
        added = [program for name, program in new.items() if name not in self._old]
        if added:
            self._touched += [program.name for program in added]
            await self._supervisor.start(added)
            self.changed += [program.name for program in added]
        for name, program in new.items():
            if name in self._old:
                self._touched.append(name)
                if await self._supervisor.change(program):
                    self.changed.append(name)
        return tuple(name for name in self._old if name not in new)

    async def roles(self) -> list[str]:
        """Tell the roles to read the configuration, and return why any of them refused."""
        running = {
            state.name: state.pid
            for state in self._supervisor.states()
            # What only begins would be ended by the signal, and begins anew afterwards.
            if state.pid is not None and state.state is not State.STARTING
        }
        self._told = {spec: running[spec.name] for spec in ROLES if spec.name in running}
        answers = await self._ask("take")
        self.changed += [spec.name for spec, given in answers.items() if given.changed]
        problems = [problem for given in answers.values() for problem in given.problems]
        # What has taken it and then ended begins with the settings that were in use before.
        return problems or [f"{spec.name} {_ENDED}" for spec in self._told if self._ended(spec)]

    def begin_again(self) -> None:
        """End the roles that nobody told, since they began meanwhile with what was in use before.

        The supervisor starts them again, now with what is in use.
        """
        pids = self._pids()
        for spec in ROLES:
            pid = pids.get(spec.name)
            if pid is not None and pid != self._told.get(spec):
                self._supervisor.send(spec.name, signal.SIGTERM)

    async def back(self) -> None:
        """Bring daemons and roles back, and note what went back and what could not."""
        for spec, given in (await self._ask("back")).items():
            if self._ended(spec):
                continue  # It begins with what is in use, and needs no way back.
            if not given.good:
                self.kept += given.problems
            elif given.changed:
                self.went_back.append(spec.name)
        for name in self._touched:
            try:
                if await self._daemon_back(name):
                    self.went_back.append(name)
            except (DaemonError, OSError) as error:
                self.kept.append(f"{name}: {error}")

    async def _daemon_back(self, name: str) -> bool:
        if name in self._old:
            return await self._supervisor.change(self._old[name])
        known = name in {program.name for program in self._supervisor.programs()}
        if known:
            await self._supervisor.remove(name)
        return known

    async def _ask(self, word: str) -> dict[RoleSpec, Answer]:
        orders = {
            spec: f"{word} {self._id} {process_mark(pid)}" for spec, pid in self._told.items()
        }
        untold: dict[RoleSpec, Answer] = {}
        for spec, order in orders.items():
            if self._ended(spec):
                continue
            try:
                ask(self._run, order, name=order_name(spec))
            except OSError as error:  # The others must hear of it all the same.
                problem = f"{spec.name} cannot be told ({error.strerror})"
                untold[spec] = Answer(order, good=False, version=0, problems=[problem])
            else:
                self._supervisor.send(spec.name, signal.SIGHUP)
        until = monotonic() + ROLE_SECONDS
        told = [spec for spec in orders if spec not in untold]
        heard = await asyncio.gather(*(self._heard(spec, orders[spec], until) for spec in told))
        return untold | dict(zip(told, heard, strict=True))

    async def _heard(self, spec: RoleSpec, order: str, until: float) -> Answer:
        while monotonic() < until and not self._ended(spec):
            given = await asyncio.to_thread(answered, self._run, name=answer_name(spec))
            if given is not None and given.id == order:
                return given
            await asyncio.sleep(0.05)
        silent = f"has not said within {ROLE_SECONDS:g} s how it went"
        problem = f"{spec.name} {_ENDED if self._ended(spec) else silent}"
        return Answer(order, good=False, version=0, problems=[problem])

    def _ended(self, spec: RoleSpec) -> bool:
        """Tell whether the process that was told has ended; another may have begun since."""
        return self._pids().get(spec.name) != self._told[spec]

    def _pids(self) -> dict[str, int | None]:
        return {state.name: state.pid for state in self._supervisor.states()}
