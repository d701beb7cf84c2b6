"""dexwatch as a process without the weight of the command line: `up FILE`, or `ROLE FILE`."""

import signal
import sys

if __name__ == "__main__":
    # A reload that comes before we listen to it must not end us: it waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # httpx and structlog load these where they find them, for colours that a role never writes.
    # None is the documented way to say that a module is not to be found.
    for unused in ("pygments", "rich"):
        sys.modules[unused] = None  # type: ignore[assignment]

import asyncio
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dexwatch.daemons.program import DaemonError
from dexwatch.roles.privileges import become_user
from dexwatch.roles.process import log_to, reload_event, stop_event
from dexwatch.roles.registry import CONSOLE, SUPERVISOR, RoleSpec, Run, role
from dexwatch.roles.reload.in_use import settings_in_use
from dexwatch.roles.reload.role import with_reload
from dexwatch.settings import Settings, SettingsError

if TYPE_CHECKING:
    from dexwatch.roles.evaluation import Evaluation


def main(evaluation: "Callable[[], Evaluation] | None" = None) -> int:
    """Run what the first argument names with the configuration that the second names.

    A third names the folder where `dexwatch up`, which starts us, keeps the configuration in use.
    `evaluation` loads other rules than the product's; a role that has no use for rules does not
    call it.
    """
    log_to()
    try:
        spec = None if sys.argv[1] == "up" else role(sys.argv[1])
        file = Path(sys.argv[2])
        run = Path(sys.argv[3]) if len(sys.argv) > 3 else None
        settings = settings_in_use(spec or SUPERVISOR, file, run)
    except (SettingsError, ValueError, IndexError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        become_user(settings, file)
        asyncio.run(_run(spec, settings, file, evaluation))
    except DaemonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _run(
    spec: RoleSpec | None,
    settings: Settings,
    file: Path,
    evaluation: "Callable[[], Evaluation] | None",
) -> None:
    if spec is not None:
        await with_reload(_evaluating(spec, evaluation), settings, file)
        return
    # A single role has no use for the supervisor's memory.
    from dexwatch.roles.up import up  # noqa: PLC0415

    stop = stop_event()
    await up(
        settings,
        file,
        stop=stop,
        again=reload_event(stop),
        evaluation=None if evaluation is None else evaluation(),
    )


def _evaluating(spec: RoleSpec, evaluation: "Callable[[], Evaluation] | None") -> RoleSpec:
    """The console alone shows rules and boards; the others take what Prometheus makes of them."""
    if spec is not CONSOLE or evaluation is None:
        return spec

    def console() -> Run:
        from dexwatch.roles.console import run  # noqa: PLC0415

        return functools.partial(run, evaluation=evaluation())

    return dataclasses.replace(spec, load=console)


if __name__ == "__main__":
    sys.exit(main())
