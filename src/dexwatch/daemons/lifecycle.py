"""The life of one supervised program: start, ready, watch, restart with back-off, reload, stop."""

import asyncio
import contextlib
import dataclasses
import os
import signal
from collections import deque
from enum import StrEnum

import structlog

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures
from dexwatch.daemons import files, ports
from dexwatch.daemons.child import Child, Log, Reaper, spawn
from dexwatch.daemons.pidfiles import PidFiles
from dexwatch.daemons.program import (
    DaemonError,
    NotReadyError,
    Program,
    RestartPolicy,
    SocketReady,
)
from dexwatch.daemons.reloading import reload

TICK_SECONDS = 5.0
"""How often a running program's answer and the size of its log are looked at."""
SILENT_TICK_SECONDS = 0.5
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "DEXWATCH_TEST_SESSION")
"""What every program sees of our environment; the last lets a test run find what it left behind."""

SUPERVISION_BACKOFF = Backoff(first=0.5, most=30.0)
_log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where a program is in its life."""

    STARTING = "starting"
    READY = "ready"
    SILENT = "silent"
    """It runs, but its readiness check fails."""
    WAITING = "waiting"
    """It ended and is started again after the back-off."""
    LOOPING = "looping"
    """It ends again and again; it is still tried, at the longest back-off."""
    STOPPED = "stopped"


class Lifecycle:
    """One program and the child that runs it."""

    def __init__(
        self,
        program: Program,
        *,
        log: Log,
        reaper: Reaper,
        pidfiles: PidFiles,
        policy: RestartPolicy,
    ) -> None:
        """Nothing runs before `start`."""
        self.program = program
        self.log = log
        self.state = State.STOPPED
        self.restarts = 0
        self.supervision_failures = 0
        """How often watching over it failed unexpectedly, and began anew."""
        self.detail = ""
        """Why it is not ready, with its last log lines."""
        self.child: Child | None = None
        self._reaper = reaper
        self._pidfiles = pidfiles
        self._policy = policy
        self._ends: deque[float] = deque(maxlen=policy.loop_ends)
        self._since = 0
        self._heard = 0.0
        """When it last answered, or was started."""
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write the files, start the program, wait until it is ready, then watch over it.

        Raises:
            DaemonError: it is not installed, its files are refused, its port is taken, or it does
                not become ready; nothing of it runs then.
        """
        files.require_binaries(self.program)
        ports.require_free(self.program.ports)
        await asyncio.to_thread(files.check, self.program)
        await asyncio.to_thread(files.write, self.program)
        try:
            await self._bring_up()
        except NotReadyError as error:
            if self.program.required:
                await self.stop()
                raise
            self.state, self.detail = State.SILENT, str(error)
            _log.warning("daemon.not_ready", daemon=self.program.name, detail=self.detail)
        except BaseException:
            await self.stop()
            raise
        self._watch_from_now_on()

    def _watch_from_now_on(self) -> None:
        self._watch = asyncio.create_task(self._supervise(), name=f"supervise {self.program.name}")

    async def stop(self) -> None:
        """End the program and all that it started; at most `stop_seconds` and a few more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self.child is not None:
            await self.child.stop(self.program.stop_signal, self.program.stop_seconds)
            self._pidfiles.forget(self.program.name)
            self.child = None
        self.state = State.STOPPED

    async def change(self, program: Program) -> None:
        """Take over a new definition of the same program: by reload where only files differ.

        Raises:
            DaemonError: the new definition is no good; the old one goes on.
        """
        files.require_binaries(program)
        await asyncio.to_thread(files.check, program)
        former = await asyncio.to_thread(files.write, program)
        try:
            if self._only_files_differ(program) and program.reload_proof is not None:
                await reload(program, program.reload_proof, self._running(), self.log)
            else:
                await self._replace(program)
        except (DaemonError, OSError):
            try:
                await asyncio.to_thread(files.restore, program, former)
            finally:
                await self._go_back(program)
            raise
        self.program = program

    def _only_files_differ(self, program: Program) -> bool:
        def frame(value: Program) -> Program:
            return dataclasses.replace(value, files=(), checks=())

        running = self.child is not None and self.child.running
        return running and frame(program) == frame(self.program)

    async def _go_back(self, program: Program) -> None:
        """The old files are in place again: let the program see them, now or as soon as it can."""
        if self.child is not None and self.child.running and program.reload_proof is not None:
            self.child.send(signal.SIGHUP)
        elif self.child is None:
            try:
                await self.start()
            except (DaemonError, OSError) as error:
                self.detail = str(error)
                self._watch_from_now_on()

    async def _replace(self, program: Program) -> None:
        old = self.program
        ports.require_free(port for port in program.ports if port not in old.ports)
        await self.stop()
        self.program = program
        try:
            await self.start()
        except (DaemonError, OSError):
            self.program = old
            raise

    async def _bring_up(self) -> None:
        program = self.program
        self.state = State.STARTING
        self._since = self.log.size()
        self._heard = clock.monotonic()
        if isinstance(program.ready, SocketReady):
            # One that a killed predecessor left would keep the new one from listening.
            program.ready.path.unlink(missing_ok=True)
        self.child = spawn(
            program.argv,
            log=self.log,
            reaper=self._reaper,
            env=_environment(program),
            cwd=program.home,
            user=program.user,
            stop_signal=program.stop_signal,
            stop_seconds=program.stop_seconds,
        )
        self._pidfiles.note(program.name, self.child.pid, self.child.started)
        deadline = clock.monotonic() + program.ready_seconds
        pause = 0.02
        while program.ready is not None and not await ports.answers(program.ready):
            if clock.monotonic() > deadline:
                raise NotReadyError(
                    self._with_log(f"was not ready within {program.ready_seconds:g} s")
                )
            if await self.child.wait(pause):
                break
            pause = min(0.25, pause * 1.5)
        if not self.child.running:
            status = self.child.ended.result()
            raise NotReadyError(self._with_log(f"ended with {_status(status)} before it was ready"))
        self.state, self.detail = State.READY, ""
        _log.info("daemon.ready", daemon=program.name, pid=self.child.pid)

    def _running(self) -> Child:
        if self.child is None:
            raise DaemonError(f"{self.program.name} is not started")
        return self.child

    def _with_log(self, what: str) -> str:
        last = self.log.tail(10, since=self._since)
        said = "".join(f"\n  {line[:300]}" for line in last) or "\n  (it wrote nothing)"
        return f"{self.program.name} {what}; its last log lines in {self.log.path}:{said}"

    async def _supervise(self) -> None:
        """Watch over the program for ever: no mistake of ours may leave it unwatched."""
        failures = Failures(SUPERVISION_BACKOFF, key=self.program.name)
        while True:
            try:
                await self._watch_over()
            except Exception:  # noqa: BLE001 - told, and tried again.
                _log.exception("daemon.supervision_failed", daemon=self.program.name)
                self.supervision_failures += 1
                await asyncio.sleep(failures.failed())

    async def _watch_over(self) -> None:
        if self.child is None:
            await self._come_back()
        while True:
            child = self._running()
            tick = TICK_SECONDS if self.state is State.READY else SILENT_TICK_SECONDS
            if not await child.wait(tick):
                await self._check_health()
                continue
            await child.sweep()
            self.detail = self._with_log(f"ended with {_status(child.ended.result())}")
            await self._come_back()

    async def _check_health(self) -> None:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self.log.cut)
        ready = self.program.ready
        if ready is not None:
            well = await ports.answers(ready)
            self.state = State.READY if well else State.SILENT
            self.detail = "" if well else f"{self.program.name} runs but does not answer"
            now = clock.monotonic()
            self._heard = now if well else self._heard
            if self.program.restart_when_silent and now - self._heard > self._policy.silent_seconds:
                await self._stop_hung()

    async def _stop_hung(self) -> None:
        """End what hangs; the watch then finds it ended and starts it again."""
        _log.error("daemon.hangs", daemon=self.program.name, detail=self.detail)
        await self._running().stop(self.program.stop_signal, self.program.stop_seconds)

    async def _come_back(self) -> None:
        """Restart until it is ready again; never gives up, but slows down and says so."""
        while True:
            self._ends.append(clock.monotonic())
            recent = [at for at in self._ends if at > clock.monotonic() - self._policy.loop_seconds]
            looping = len(recent) >= self._policy.loop_ends
            self.state = State.LOOPING if looping else State.WAITING
            pause = self._policy.delay(len(recent), name=self.program.name)
            report = _log.error if looping else _log.warning
            report("daemon.ended", daemon=self.program.name, again_in=pause, detail=self.detail)
            await asyncio.sleep(pause)
            self.restarts += 1
            try:
                await self._bring_up()
            except (DaemonError, OSError) as error:
                # Even a full process table or disk passes; giving up would not.
                self.detail = str(error)
                if self.child is not None and self.child.running:
                    # It may have much to read, as Prometheus after a crash: a kill would not help.
                    self.state = State.SILENT
                    return
                if self.child is not None:
                    await self.child.stop(self.program.stop_signal, self.program.stop_seconds)
            else:
                return


def _environment(program: Program) -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {**program.env}


def _status(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
