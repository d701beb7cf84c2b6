"""Run a role so that it takes new settings without its process ending.

On SIGHUP the configuration is read again. When something changed that the role uses, the role is
closed in order and begun anew in the same process. What it has under way is finished beside the new
one: a message to a slow server must not keep others waiting. Leases keep the two apart.
A configuration that is no good, or with which the role does not come up, changes nothing: the role
goes on, or begins again, with the last good one.

`dexwatch up` leaves an order beside the signal: `take ID PROCESS`, or `back ID PROCESS` when
another role refused what this one took. What is to be taken lies there, too, as `up` has judged it.
"""

import asyncio
import os
from pathlib import Path

import structlog

from dexwatch.roles.lookups import share_lookups
from dexwatch.roles.process import reload_event, stop_event
from dexwatch.roles.registry import Finish, RoleSpec, frozen, run_role
from dexwatch.roles.reload.answer import Answer, answer, process_mark, requested
from dexwatch.roles.reload.in_use import offered
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.snapshot import Configuration, changed, keeping

TRIAL_SECONDS = 2.0
"""A role that runs for so long with new settings has come up."""

FINISHING_MOST = 4
"""So many former selves may have work under way beside the role: each holds what it needs."""

_STILL_FINISHING = (
    "still finishes what it had under way before the last reloads: reload again in some minutes"
)

_log = structlog.get_logger(__name__)


async def with_reload(spec: RoleSpec, settings: Settings, file: Path) -> None:
    """Run the role until SIGINT or SIGTERM, and read its settings anew at each SIGHUP."""
    share_lookups()
    stop = stop_event()
    configuration = Configuration(file, settings, secrets=spec.secrets)
    await run_with_reload(spec, configuration, stop=stop, again=reload_event(stop))


async def run_with_reload(
    spec: RoleSpec, configuration: Configuration, *, stop: asyncio.Event, again: asyncio.Event
) -> None:
    """Run the role until `stop` is set; each time that `again` is set, read the settings anew."""
    role = _Reloading(spec, configuration)
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stopping.done():
            reading = asyncio.create_task(again.wait())
            await asyncio.wait(
                {role.running.task, stopping, reading}, return_when=asyncio.FIRST_COMPLETED
            )
            reading.cancel()
            if role.running.task.done():
                role.running.task.result()
                return
            if again.is_set() and not stopping.done():
                again.clear()
                await role.reload()
    finally:
        stopping.cancel()
        await role.close()


class _Running:
    """A role at work with certain settings."""

    def __init__(self, spec: RoleSpec, settings: Settings) -> None:
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(
            run_role(spec, settings, self._stop), name=f"role {spec.name}"
        )

    async def stop(self) -> Finish | None:
        """Let it begin nothing new and free its port; return how to wait for the rest."""
        self._stop.set()
        await asyncio.wait({self.task})
        return None if self.task.cancelled() or self.task.exception() else self.task.result()


class _Reloading:
    """A role at work, and the way back from what it took last."""

    def __init__(self, spec: RoleSpec, configuration: Configuration) -> None:
        self.running = _Running(spec, configuration.current.settings)
        self._spec = spec
        self._configuration = configuration
        self._run = configuration.current.settings.folder / "run"
        self._heard = ""
        self._took: tuple[str, Settings] | None = None
        self._finishing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop, and wait for all that is under way."""
        await self._stop()
        await asyncio.gather(*self._finishing, return_exceptions=True)

    async def _stop(self) -> None:
        """Stop what runs; what it has under way is finished in the background."""
        if (finish := await self.running.stop()) is None:
            return
        task = asyncio.create_task(self._finish(finish))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, finish: Finish) -> None:
        try:
            await finish()
        except Exception:  # noqa: BLE001 - what was before must not end what is now.
            _log.exception("role.not_finished", role=self._spec.name)

    async def reload(self) -> None:
        """Do what a new order to this process says; without one, take what the files say.

        It may have come while the process began; one that lies there for another is none.
        """
        order = requested(self._run, name=order_name(self._spec))
        if order == self._heard or not order.endswith(f" {process_mark(os.getpid())}"):
            order = ""
        else:
            self._heard = order
        if order.startswith("back "):
            await self._back(order)
        else:
            await self._take(order)

    async def _take(self, order: str) -> None:
        configuration, former = self._configuration, self._configuration.current.settings
        try:
            read = await asyncio.to_thread(self._read, judged=bool(order))
        except SettingsError as error:
            self._refused(order, [str(problem) for problem in error.problems])
            return
        latter = keeping(former, read, frozen(former))
        if len(self._finishing) >= FINISHING_MOST and changed(former, latter, self._spec.needs):
            self._refused(order, [f"{self._spec.name} {_STILL_FINISHING}"])
            return
        if problem := await self._change(former, latter):
            self._refused(order, [problem])
            return
        self._took = (_id(order), former)
        configuration.accept(latter)
        self._told(order, changed(former, latter, self._spec.needs))

    def _read(self, *, judged: bool) -> Settings:
        """Read what `dexwatch up` has judged and orders us to take, or the files themselves."""
        file, secrets = self._configuration.file, self._configuration.secrets
        return load(file, secrets=secrets, texts=offered(file, self._run) if judged else None)

    async def _back(self, order: str) -> None:
        """Return to what was in use before; what was never taken needs no way back."""
        took, self._took = self._took, None
        what: tuple[str, ...] = ()
        if took is not None and took[0] == _id(order):
            latter, former = self._configuration.current.settings, took[1]
            if problem := await self._change(latter, former):
                self._refused(order, [problem])
                return
            what = changed(latter, former, self._spec.needs)
            self._configuration.accept(former)
        self._configuration.refuse()
        self._told(order, what)

    async def _change(self, former: Settings, latter: Settings) -> str:
        """Begin anew with the latter settings; return why that failed, and go on as before."""
        if not changed(former, latter, self._spec.needs):
            return ""
        await self._stop()
        self.running = began = _Running(self._spec, latter)
        done, _ = await asyncio.wait({began.task}, timeout=TRIAL_SECONDS)
        if not done:
            return ""
        reason = began.task.exception() or "it ended at once"
        self.running = _Running(self._spec, former)
        return f"{self._spec.name} does not come up with it: {reason}"

    def _told(self, order: str, what: tuple[str, ...]) -> None:
        version = self._configuration.current.version
        _log.info("config.reloaded", role=self._spec.name, version=version, changed=what)
        self._answer(Answer(order, good=True, version=version, changed=what))

    def _refused(self, order: str, problems: list[str]) -> None:
        self._configuration.refuse()
        _log.error("config.refused", role=self._spec.name, problems=problems)
        version = self._configuration.current.version
        self._answer(Answer(order, good=False, version=version, problems=problems))

    def _answer(self, given: Answer) -> None:
        try:
            self._run.mkdir(parents=True, exist_ok=True)
            answer(self._run, given, name=answer_name(self._spec))
        except OSError as error:
            _log.warning("config.answer_not_written", role=self._spec.name, reason=error.strerror)


def _id(order: str) -> str:
    return order.split()[1] if order else ""


def answer_name(spec: RoleSpec) -> str:
    """Return the name of the file in `run` where a role says how its reload went."""
    return f"reload-{spec.name}.json"


def order_name(spec: RoleSpec) -> str:
    """Return the name of the file in `run` where `dexwatch up` leaves its orders for a role."""
    return f"reload-{spec.name}.request"
