"""What several roles open: the incident store, and the clients of Prometheus and Alertmanager."""

import contextlib

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.notifiers import registry as notifiers
from dexwatch.settings import Settings
from dexwatch.storage.store import SqlStore, open_store


async def open_incidents(stack: contextlib.AsyncExitStack, settings: Settings) -> SqlStore:
    """Open the incident store; it is closed with the stack."""
    policy = settings.respond.policy(notifiers.routes(settings.notify))
    store = await open_store(settings.storage.database_url(settings.folder), policy)
    stack.push_async_callback(store.close)
    return store


async def open_clients(
    stack: contextlib.AsyncExitStack, settings: Settings
) -> tuple[PrometheusClient, AlertmanagerClient]:
    """Open the clients of Prometheus and Alertmanager; they are closed with the stack."""
    daemons = settings.daemons
    return (
        await stack.enter_async_context(PrometheusClient(daemons.prometheus_url)),
        await stack.enter_async_context(AlertmanagerClient(daemons.alertmanager_url)),
    )
