"""A role's process that only notes with which settings it runs: `python -m ... ROLE FILE RUN`.

It does not come up where its own figure is 13, nor where the file `stuck` names role and figure.
"""

import asyncio
import dataclasses
import sys
from pathlib import Path

from dexwatch.roles.registry import RoleSpec, role
from dexwatch.roles.reload import role as reload_role
from dexwatch.roles.reload.in_use import settings_in_use
from dexwatch.roles.reload.role import with_reload
from dexwatch.settings import Settings

REFUSED = 13


def figure(name: str, settings: Settings) -> int:
    """Return the setting by which the tests tell the roles' settings apart."""
    if name == "watch":
        return settings.watch.max_series
    return settings.respond.keep_events_days


def journal(folder: Path, name: str) -> list[int]:
    """Return the figures that the role has begun with."""
    file = folder / f"{name}.journal"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def main() -> None:
    """Run until SIGTERM."""
    name, file, kept = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    reload_role.TRIAL_SECONDS = 0.2

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        mine, stuck = figure(name, settings), settings.folder / "stuck"
        if mine == REFUSED or (stuck.exists() and stuck.read_text() == f"{name} {mine}"):
            raise OSError("the port is taken")
        with (settings.folder / f"{name}.journal").open("a") as journal_file:
            journal_file.write(f"{mine}\n")
        await stop.wait()

    spec: RoleSpec = dataclasses.replace(role(name), load=lambda: run)
    asyncio.run(with_reload(spec, settings_in_use(spec, file, kept), file))


if __name__ == "__main__":
    main()
