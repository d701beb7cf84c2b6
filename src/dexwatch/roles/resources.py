"""What several roles open: the incident store, and the clients of Prometheus and Alertmanager."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.daemons.program import DaemonError
from dexwatch.daemons.programs.secrets import alertmanager_access, known, prometheus_access
from dexwatch.response.store import StoreRefusedError, StoreUnavailableError
from dexwatch.settings import Settings
from dexwatch.storage.schema import SchemaError
from dexwatch.storage.store import SqlStore, open_store

CREATE_SECONDS = 30.0


def incidents_are_kept(settings: Settings) -> bool:
    """Whether there is an incident store to open; opening makes one where a file is missing."""
    file = settings.storage.sqlite_file(settings.folder)
    return file is None or file.exists()


async def open_incidents(stack: contextlib.AsyncExitStack, settings: Settings) -> SqlStore:
    """Open the incident store; it is closed with the stack."""
    store = await open_store(settings.storage.database_url(settings.folder))
    stack.push_async_callback(store.close)
    return store


async def open_needed_incidents(stack: contextlib.AsyncExitStack, settings: Settings) -> SqlStore:
    """Open the incident store for a role, which is nothing without it.

    Raises:
        DaemonError: it cannot be opened; the message names the setting and what to look at.
    """
    if not incidents_are_kept(settings):
        await _create_incidents(settings)
    try:
        return await open_incidents(stack, settings)
    except SchemaError as error:
        raise DaemonError(str(error)) from error
    except (StoreUnavailableError, StoreRefusedError) as error:
        raise DaemonError(f"{error}: {store_remedy(settings)}") from error


def store_remedy(settings: Settings) -> str:
    """Return what to look at when the incident store cannot be opened."""
    file = settings.storage.sqlite_file(settings.folder)
    if file is not None:
        return (
            f"may this user read and write the database {file}, which `storage.url` or else"
            " `folder` names?"
        )
    return (
        "are host, port, user, password, database and options in `storage.url` right, is the"
        " server up, and does it let this host in?"
    )


async def _create_incidents(settings: Settings) -> None:
    """Make the store in a process of its own, so that ours need not carry what makes it.

    If that fails, our own opening meets the same and says what it is.
    """
    url = settings.storage.database_url(settings.folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dexwatch.storage.schema"),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        # The address may hold a password, which others would see among the arguments.
        await asyncio.wait_for(process.communicate(url.encode()), CREATE_SECONDS)
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def open_clients(
    stack: contextlib.AsyncExitStack, settings: Settings
) -> tuple[PrometheusClient, AlertmanagerClient]:
    """Open the clients of Prometheus and Alertmanager; they are closed with the stack."""
    return (
        await stack.enter_async_context(prometheus_client(settings)),
        await stack.enter_async_context(alertmanager_client(settings)),
    )


def prometheus_client(settings: Settings) -> PrometheusClient:
    """Return a client of Prometheus; close it, or use it as an async context."""
    daemons = settings.daemons
    own = known(daemons, folder=settings.folder)
    return PrometheusClient(daemons.prometheus_url, access=prometheus_access(daemons, own))


def alertmanager_client(settings: Settings) -> AlertmanagerClient:
    """Return a client of Alertmanager; close it, or use it as an async context."""
    daemons = settings.daemons
    own = known(daemons, folder=settings.folder)
    return AlertmanagerClient(daemons.alertmanager_url, access=alertmanager_access(daemons, own))
