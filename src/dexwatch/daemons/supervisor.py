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
from types import TracebackType

import structlog

from dexwatch.daemons import ports
from dexwatch.daemons.child import Keeper
from dexwatch.daemons.life import Backoff, Life, State, log_of
from dexwatch.daemons.occupancy import Occupancy
from dexwatch.daemons.program import DaemonError, Program
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
        backoff: Backoff | None = None,
        log_bound: int = 5 * 1024 * 1024,
    ) -> None:
        """Nothing happens before `async with`. `log_bound` is the size at which a log is cut."""
        self.folder = folder.resolve()
        self._backoff = backoff or Backoff()
        self._log_bound = log_bound
        self._lives: dict[str, Life] = {}
        self._occupancy: Occupancy | None = None
        self._keeper: Keeper | None = None

    async def __aenter__(self) -> "Supervisor":
        """Take the folder and end what a killed predecessor left in it.

        Raises:
            AlreadyRunningError: another supervisor works in this folder.
        """
        self._occupancy = Occupancy(self.folder)
        left = await asyncio.to_thread(self._occupancy.end_leftovers)
        if left:
            _log.warning("daemon.leftovers_ended", daemons=left, folder=str(self.folder))
        self._keeper = Keeper()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything and let go of the folder."""
        try:
            await self.stop()
        finally:
            if self._keeper is not None:
                self._keeper.close()
            if self._occupancy is not None:
                self._occupancy.release()
            self._keeper = self._occupancy = None

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
        life = self._lives.get(program.name)
        if life is not None and life.state is not State.STOPPED:
            raise DaemonError(f"{program.name} runs already; use change() for a new definition")
        for name in program.needs:
            other = self._lives.get(name)
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
        if self._keeper is None or self._occupancy is None:
            raise RuntimeError("use `async with Supervisor(...)`")
        former = self._lives.get(program.name)
        life = Life(
            program,
            log=log_of(self.folder, program.name, bound=self._log_bound),
            keeper=self._keeper,
            occupancy=self._occupancy,
            backoff=self._backoff,
        )
        life.restarts = former.restarts if former else 0
        self._lives[program.name] = life
        await life.start()
        ready[program.name].set()

    async def change(self, program: Program) -> bool:
        """Bring a running program to a new definition; return False if nothing differs.

        Raises:
            DaemonError: the new definition is no good; the old one goes on.
        """
        life = self._life(program.name)
        if life.program == program:
            return False
        await life.change(program)
        return True

    async def stop(self, *names: str) -> None:
        """Stop the named programs, or all: each after those that need it, else side by side."""
        left = {name: self._life(name) for name in names or self._lives}
        while left:
            needed = {name for life in left.values() for name in life.program.needs}
            wave = [life for name, life in left.items() if name not in needed] or list(
                left.values()
            )
            await asyncio.gather(*(life.stop() for life in wave))
            for life in wave:
                del left[life.program.name]

    async def remove(self, name: str) -> None:
        """Stop a program that is wanted no longer, and forget it.

        Raises:
            DaemonError: no such program was ever started.
        """
        await self.stop(name)
        del self._lives[name]

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program, for example SIGSTOP and SIGCONT in a drill."""
        child = self._life(name).child
        if child is not None:
            child.send(number)

    def programs(self) -> tuple[Program, ...]:
        """Return the present definition of each program."""
        return tuple(life.program for life in self._lives.values())

    def states(self) -> tuple[ProgramState, ...]:
        """Return what is known of each program, in the order in which they were started."""
        return tuple(
            ProgramState(
                name=name,
                state=life.state,
                pid=life.child.pid if life.child and life.child.running else None,
                restarts=life.restarts,
                detail=life.detail,
            )
            for name, life in self._lives.items()
        )

    def state(self, name: str) -> ProgramState:
        """Return what is known of one program.

        Raises:
            DaemonError: no such program was ever started.
        """
        self._life(name)
        return next(state for state in self.states() if state.name == name)

    def samples(self) -> tuple[Sample, ...]:
        """Return dexwatch_daemon_up and dexwatch_daemon_restarts_total of every program."""
        return tuple(
            sample
            for name, life in self._lives.items()
            for sample in (
                Sample(own.daemon_up, float(life.state is State.READY), {"daemon": name}),
                Sample(own.daemon_restarts, float(life.restarts), {"daemon": name}),
            )
        )

    def _life(self, name: str) -> Life:
        try:
            return self._lives[name]
        except KeyError:
            known = ", ".join(self._lives) or "none"
            raise DaemonError(f"no program {name!r} is supervised here (known: {known})") from None
