"""The roles, and how one of them runs in this process."""

import asyncio
import importlib
import os
from enum import StrEnum

from dexwatch import __version__
from dexwatch.metrics import own
from dexwatch.metrics.sample import Sample
from dexwatch.settings import Settings

LOOPBACK = "127.0.0.1"


class Role(StrEnum):
    """The parts of dexwatch, each its own process so that none delays another."""

    WATCH = "watch"
    RESPOND = "respond"
    CONSOLE = "console"


async def run_role(role: Role, settings: Settings, stop: asyncio.Event) -> None:
    """Run one role until `stop` is set."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The database and its log hold incidents and sessions: nobody else on the machine reads them.
    os.umask(0o077)
    # Each role loads only what it needs: the watcher has no use for a web framework's memory.
    await importlib.import_module(f"dexwatch.roles.{role.value}").run(settings, stop)


def build_info(role: str) -> Sample:
    """Return dexwatch_build_info of a role."""
    return Sample(own.build, 1.0, {"version": __version__, "role": role})
