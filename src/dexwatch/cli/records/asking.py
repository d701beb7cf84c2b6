"""How commands ask the incident store, and end when it has no answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dexwatch.cli.present import ConfigOption, fail, settings_or_exit
from dexwatch.daemons.program import DaemonError
from dexwatch.response.store import StoreRefusedError, StoreUnavailableError
from dexwatch.roles.privileges import become_owner_of_store
from dexwatch.roles.resources import incidents_are_kept, open_incidents
from dexwatch.settings import Settings
from dexwatch.storage.schema import SchemaError
from dexwatch.storage.store import SqlStore

T = TypeVar("T")
_REMEDY = (
    "Where `dexwatch up` has never run there is no store yet: start it. "
    "Otherwise see whether storage.url and folder are right, and who may read them."
)


def with_store(
    config: ConfigOption, ask: Callable[[SqlStore], Awaitable[T]], *, as_json: bool
) -> T:
    """Return what the store answers, or end the command with words for the operator."""
    settings = settings_or_exit(config, as_json=as_json)
    if not incidents_are_kept(settings):
        fail(f"there is no incident store in {settings.folder}", _REMEDY, as_json=as_json)
    go_on_as_owner(settings, as_json=as_json)
    try:
        return asyncio.run(_asked(settings, ask))
    except (SchemaError, StoreRefusedError, StoreUnavailableError) as error:
        fail(f"the incident store: {error}", _REMEDY, as_json=as_json)


def go_on_as_owner(settings: Settings, *, as_json: bool) -> None:
    """Go on as the owner of the store's file where we are root, or end the command."""
    try:
        become_owner_of_store(settings)
    except (DaemonError, OSError) as error:
        fail(str(error), "Run it as the user that runs dexwatch.", as_json=as_json)


async def _asked(settings: Settings, ask: Callable[[SqlStore], Awaitable[T]]) -> T:
    async with contextlib.AsyncExitStack() as stack:
        return await ask(await open_incidents(stack, settings))
