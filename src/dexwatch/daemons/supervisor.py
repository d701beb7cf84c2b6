"""Run programs so that they are ready when we say so, and gone when we are.

    async with Supervisor(Path("state")) as supervisor:
        await supervisor.start(programs)          # in the order of their `needs`, ready on return
        await supervisor.change(new_prometheus)   # reload or restart; bad files are refused
        for program in supervisor.states():
            print(program.name, program.state, program.restarts)
        ...
    # everything has been stopped, in reverse order

A program that ends is started again with a growing pause.
A program that we lose because we are killed ends with us.
Logs lie in `<folder>/logs/NAME.log`, process ids in `<folder>/run`.
"""

import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from dexwatch.daemons import ports
from dexwatch.daemons.child import Log, Reaper
from dexwatch.daemons.lifecycle import Lifecycle, State
from dexwatch.daemons.pidfiles import PidFiles
from dexwatch.daemons.program import DaemonError, Program, RestartPolicy
from dexwatch.metrics import own
from dexwatch.metrics.sample import Sample

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ProgramState:
    """What is known of one program now."""

    name: str
    state: State
    pid: int | None
    restarts: int
    detail: str
    """Why it is not ready; empty when it is."""


class Supervisor:
    """Supervises programs in one folder; only one supervisor may work in a folder at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        policy: RestartPolicy | None = None,
        log_bound: int = 5 * 1024 * 1024,
    ) -> None:
        """Nothing happens before `async with`. `log_bound` is the size at which a log is cut."""
        self.folder = folder.resolve()
        self._policy = policy or RestartPolicy()
        self._log_bound = log_bound
        self._lifecycles: dict[str, Lifecycle] = {}
        self._pidfiles: PidFiles | None = None
        self._reaper: Reaper | None = None

    async def __aenter__(self) -> "Supervisor":
        """Take the folder and end what a killed predecessor left in it.

        Raises:
            AlreadyRunningError: another supervisor works in this folder.
        """
        self._pidfiles = PidFiles(self.folder)
        left = await asyncio.to_thread(self._pidfiles.end_leftovers)
        if left:
            _log.warning("daemon.leftovers_ended", daemons=left, folder=str(self.folder))
        self._reaper = Reaper()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything and let go of the folder."""
        try:
            await self.stop()
        finally:
            if self._reaper is not None:
                self._reaper.close()
            if self._pidfiles is not None:
                self._pidfiles.release()
            self._reaper = self._pidfiles = None

    async def start(self, programs: Iterable[Program]) -> None:
        """Start programs, each after those that it needs, and return when all are ready.

        Programs that were stopped may be started again. Where one fails, those of this call that
        already run go on; leaving the `async with` stops them.

        Raises:
            PortTakenError: lists all taken ports, before anything is started.
            DaemonError: the first program that cannot be started.
        """
        wanted = {program.name: program for program in programs}
        for program in wanted.values():
            self._require_startable(program, wanted)
        ports.require_free(port for program in wanted.values() for port in program.ports)
        ready = {name: asyncio.Event() for name in wanted}
        tasks = [
            asyncio.create_task(self._start_one(program, ready), name=f"start {program.name}")
            for program in wanted.values()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _require_startable(self, program: Program, wanted: dict[str, Program]) -> None:
        lifecycle = self._lifecycles.get(program.name)
        if lifecycle is not None and lifecycle.state is not State.STOPPED:
            raise DaemonError(f"{program.name} runs already; use change() for a new definition")
        for name in program.needs:
            other = self._lifecycles.get(name)
            if name not in wanted and (other is None or other.state is State.STOPPED):
                raise DaemonError(f"{program.name} needs {name}, which is not started")
        seen: set[str] = set()
        waiting = list(program.needs)
        while waiting:
            name = waiting.pop()
            if name == program.name:
                raise DaemonError(f"{program.name} needs itself through {', '.join(program.needs)}")
            if name not in seen and name in wanted:
                seen.add(name)
                waiting += wanted[name].needs

    async def _start_one(self, program: Program, ready: dict[str, asyncio.Event]) -> None:
        for name in program.needs:
            if name in ready:
                await ready[name].wait()
        if self._reaper is None or self._pidfiles is None:
            raise RuntimeError("use `async with Supervisor(...)`")
        former = self._lifecycles.get(program.name)
        lifecycle = Lifecycle(
            program,
            log=Log(self.folder / "logs" / f"{program.name}.log", bound=self._log_bound),
            reaper=self._reaper,
            pidfiles=self._pidfiles,
            policy=self._policy,
        )
        lifecycle.restarts = former.restarts if former else 0
        self._lifecycles[program.name] = lifecycle
        await lifecycle.start()
        ready[program.name].set()

    async def change(self, program: Program) -> bool:
        """Bring a running program to a new definition; return False if nothing differs.

        Raises:
            DaemonError: the new definition is no good; the old one goes on.
        """
        lifecycle = self._lifecycle(program.name)
        if lifecycle.program == program:
            return False
        await lifecycle.change(program)
        return True

    async def stop(self, *names: str) -> None:
        """Stop the named programs, or all: each after those that need it, else side by side."""
        left = {name: self._lifecycle(name) for name in names or self._lifecycles}
        while left:
            needed = {name for lifecycle in left.values() for name in lifecycle.program.needs}
            wave = [lifecycle for name, lifecycle in left.items() if name not in needed] or list(
                left.values()
            )
            await asyncio.gather(*(lifecycle.stop() for lifecycle in wave))
            for lifecycle in wave:
                del left[lifecycle.program.name]

    async def remove(self, name: str) -> None:
        """Stop a program that is wanted no longer, and forget it.

        Raises:
            DaemonError: no such program was ever started.
        """
        await self.stop(name)
        del self._lifecycles[name]

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program, for example SIGSTOP and SIGCONT in a drill."""
        child = self._lifecycle(name).child
        if child is not None:
            child.send(number)

    def programs(self) -> tuple[Program, ...]:
        """Return the present definition of each program."""
        return tuple(lifecycle.program for lifecycle in self._lifecycles.values())

    def states(self) -> tuple[ProgramState, ...]:
        """Return what is known of each program, in the order in which they were started."""
        return tuple(
            ProgramState(
                name=name,
                state=lifecycle.state,
                pid=lifecycle.child.pid if lifecycle.child and lifecycle.child.running else None,
                restarts=lifecycle.restarts,
                detail=lifecycle.detail,
            )
            for name, lifecycle in self._lifecycles.items()
        )

    def state(self, name: str) -> ProgramState:
        """Return what is known of one program.

        Raises:
            DaemonError: no such program was ever started.
        """
        self._lifecycle(name)
        return next(state for state in self.states() if state.name == name)

    def samples(self) -> tuple[Sample, ...]:
        """Return the metrics of every program: is it up, and how often did it end."""
        return tuple(
            sample
            for name, lifecycle in self._lifecycles.items()
            for sample in (
                Sample(own.daemon_up, float(lifecycle.state is State.READY), {"daemon": name}),
                Sample(own.daemon_restarts, float(lifecycle.restarts), {"daemon": name}),
                Sample(
                    own.daemon_supervision_failures,
                    float(lifecycle.supervision_failures),
                    {"daemon": name},
                ),
            )
        )

    def _lifecycle(self, name: str) -> Lifecycle:
        try:
            return self._lifecycles[name]
        except KeyError:
            known = ", ".join(self._lifecycles) or "none"
            raise DaemonError(f"no program {name!r} is supervised here (known: {known})") from None
