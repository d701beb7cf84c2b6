"""A real Prometheus and Alertmanager die while an alert fires: it goes on, and people are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.incidents.records import IncidentState, NotificationState
from dexwatch.incidents.state import Reason
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.notifiers.webhook.config import WebhookConfig
from dexwatch.receivers.receiver import Inbound
from dexwatch.receivers.registry import routes
from dexwatch.response.config import RespondConfig
from dexwatch.response.respond import Respond
from dexwatch.response.views import IncidentFilter, IncidentView
from dexwatch.roles.http.serving import serving
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.need import free_port
from tests.fakes.patience import until
from tests.fakes.receiver import Receiver
from tests.fakes.stack import SECRETS, Stack, rules, stack

pytestmark = pytest.mark.slow

PROVES = ("U-DEADMAN",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

TOKEN = "hook-token-of-the-test"
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}
FAULT = {"alertname": "NodeDown", "severity": "P0", "alert_group": "node", "host": "dex-1"}
POLL = 0.25
"""What is awaited takes a minute, and each look reads the store."""
SILENCE = 12.0
DEATH = 90.0
"""A death is told after the signal's validity at Alertmanager, one repeat and our silence."""
EXPIRY = 60.0
"""Alertmanager lets what nobody renews end after 40 s."""


@dataclass
class World:
    stack: Stack
    store: SqlStore
    pages: Receiver

    async def incident(self, alert: str) -> IncidentView | None:
        """Return the incident of an alert."""
        listed = await self.store.incidents(IncidentFilter())
        for one in listed.incidents:
            view = await self.store.incident(one.id)
            if view and view.alerts[0].name == alert:
                return view
        return None

    async def state(self, alert: str) -> IncidentState | None:
        view = await self.incident(alert)
        return view.incident.state if view else None

    async def reaches(self, alert: str, state: IncidentState, seconds: float) -> None:
        async def reached() -> bool:
            return await self.state(alert) is state

        await until(reached, seconds=seconds, why=f"{alert} is {state.value}", every=POLL)

    async def disbelieves(self, alert: str) -> None:
        """Wait until Alertmanager has told the alert's end, which it lets expire in its time."""

        async def told() -> bool:
            view = await self.incident(alert)
            assert view is not None
            reasons = {one.reason for one in await self.store.history(view.incident.id)}
            held = Reason.RESOLVE_HELD.value in reasons
            return held and any("not confirmed" in line.text for line in view.timeline)

        await until(told, seconds=EXPIRY, why="Alertmanager told its end", every=POLL)

    async def found_again(self, alert: str) -> None:
        """Wait until Prometheus has it again, which then tells its end and leaves nothing to us."""

        async def firing() -> bool:
            alerts = (await self.stack.prometheus("/api/v1/alerts"))["alerts"]
            return any(one["labels"]["alertname"] == alert for one in alerts)

        await until(firing, seconds=60, why=f"Prometheus has {alert}", every=POLL)

    async def paged(self, alert: str) -> None:
        async def delivered() -> bool:
            view = await self.incident(alert)
            states = [n.state for n in view.notifications] if view else []
            return NotificationState.DELIVERED in states

        await until(delivered, why=f"people are told of {alert}", every=POLL)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    port = free_port()
    async with AsyncExitStack() as exits:
        pages = await exits.enter_async_context(Receiver("s" * 16))
        running = await exits.enter_async_context(
            stack(
                folder,
                rules(WATCHDOG, FAULT),
                "Watchdog",
                "NodeDown",
                token=TOKEN,
                hook_url=f"http://127.0.0.1:{port}/hooks/alertmanager",
            )
        )
        access = SECRETS.access
        prometheus = await exits.enter_async_context(
            PrometheusClient(running.config.prometheus_url, access=access)
        )
        alertmanager = await exits.enter_async_context(
            AlertmanagerClient(running.config.alertmanager_url, access=access)
        )
        store = await open_store(f"sqlite+aiosqlite:///{folder / 'd.sqlite'}")
        exits.push_async_callback(store.close)
        webhook = WebhookConfig(name="ops", url=pages.url, secret=SecretStr("s" * 16))
        notify = NotifyConfig(webhooks=(webhook,))
        config = RespondConfig(
            hook_token=SecretStr(TOKEN),
            dead_man_seconds=SILENCE,
            dead_man_grace_seconds=60,
            reconcile_seconds=2,
            missing_seconds=20,
        )
        role = Respond(
            store,
            notifiers.build(notify),
            config,
            policy=config.policy(notifiers.routes(notify)),
            view=alertmanager,
            rules=prometheus,
        )
        inbound = Inbound(role.ingest, config.hook_token, heartbeat=role.heard)
        app = Starlette(routes=routes(inbound))
        await exits.enter_async_context(serving(app, port, setting="respond.port"))
        stop = asyncio.Event()
        task = asyncio.create_task(role.run(stop))
        try:
            yield World(running, store, pages)
        finally:
            stop.set()
            await task


@pytest.mark.parametrize("program", ["prometheus", "alertmanager"])
async def test_the_death_of_prometheus_resolves_no_alert_and_pages_until_it_is_back(
    tmp_path: Path, program: str
) -> None:
    async with world(tmp_path) as w:
        w.stack.faults |= {"Watchdog": 1.0, "NodeDown": 1.0}
        await w.reaches("NodeDown", IncidentState.OPEN, 40)
        await w.stack.supervisor.stop(program)
        await w.reaches("WatchdogMissing", IncidentState.OPEN, DEATH)
        await w.paged("WatchdogMissing")
        assert await w.state("NodeDown") is IncidentState.OPEN
        if program == "prometheus":
            await w.disbelieves("NodeDown")
        await w.stack.supervisor.start([w.stack.programs(rules(WATCHDOG, FAULT))[program]])
        await w.reaches("WatchdogMissing", IncidentState.RESOLVED, 60)
        assert await w.state("NodeDown") is IncidentState.OPEN
        await w.found_again("NodeDown")
        w.stack.faults["NodeDown"] = 0.0
        await w.reaches("NodeDown", IncidentState.RESOLVED, 90)
