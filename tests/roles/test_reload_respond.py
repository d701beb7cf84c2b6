"""A reload of the respond role while a mail server is slow: nobody waits, nothing is told twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from dexwatch.clock import now
from dexwatch.incidents.records import NotificationState
from dexwatch.roles.registry import RESPOND
from dexwatch.roles.reload import role as reload_role
from dexwatch.roles.reload.answer import Answer, answered
from dexwatch.roles.reload.role import answer_name, run_with_reload
from dexwatch.settings import load
from dexwatch.settings.snapshot import Configuration
from dexwatch.storage.store import open_store
from tests.fakes.alerts import payload, webhook_alert
from tests.fakes.need import free_port
from tests.fakes.patience import until
from tests.fakes.receiver import Receiver
from tests.fakes.smtp import scripted

TOKEN = "a-long-enough-token-for-tests"
SECRET = "s" * 16


@dataclass
class Role:
    """The respond role, whose mail server holds its last answer back until told."""

    file: Path
    smtp_port: int
    release: asyncio.Event
    seen: list[str]
    port: int = field(default_factory=free_port)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, more: str = "") -> None:
        self.file.write_text(
            "name: ana-dex\n"
            f"respond: {{hook_token: {TOKEN}, port: {self.port}, dead_man_seconds: 0}}\n"
            "notify:\n"
            f"  email: {{host: 127.0.0.1, port: {self.smtp_port}, tls: none,"
            " sender: d@example.org, to: {P2: [ana@example.org]}}\n" + more
        )

    async def begin(self) -> asyncio.Task[None]:
        self.write()
        configuration = Configuration(self.file, load(self.file), secrets=RESPOND.secrets)
        self.folder = configuration.current.settings.folder
        running = run_with_reload(RESPOND, configuration, stop=self.stop, again=self.again)
        return asyncio.create_task(running)

    async def reload(self, more: str) -> Answer:
        self.write(more)
        self.again.set()
        name = answer_name(RESPOND)
        return await until(lambda: answered(self.folder / "run", name=name), seconds=30)

    async def post(self, alert: dict) -> None:
        async def taken() -> bool:
            async with httpx.AsyncClient(trust_env=False) as client:
                try:
                    reply = await client.post(
                        f"http://127.0.0.1:{self.port}/hooks/alertmanager",
                        json=payload(alert),
                        headers={"Authorization": f"Bearer {TOKEN}"},
                    )
                except httpx.TransportError:
                    return False
            return reply.status_code == 200

        await until(taken, seconds=30)

    async def hang(self) -> None:
        """Let a message be handed over to the mail server, which says nothing."""
        await self.post(webhook_alert("CpuUse80", "P2", starts_at=now(), alert_group="cpu"))
        await until(lambda: "end" in self.seen, seconds=30)

    async def states(self, incident: str) -> list[NotificationState]:
        store = await open_store(f"sqlite+aiosqlite:///{self.folder / 'dexwatch.sqlite'}")
        try:
            view = await store.incident(incident)
            return [page.state for page in view.notifications] if view else []
        finally:
            await store.close()


@asynccontextmanager
async def role(folder: Path) -> AsyncIterator[tuple[Role, asyncio.Task[None]]]:
    seen: list[str] = []
    release = asyncio.Event()
    async with scripted({}, seen, held={"end": release}) as url:
        made = Role(folder / "dexwatch.yml", int(url.rpartition(":")[2]), release, seen)
        running = await made.begin()
        try:
            yield made, running
        finally:
            release.set()
            made.stop.set()
            await asyncio.wait_for(running, 30)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload_role, "TRIAL_SECONDS", 0.2)


def webhook(url: str) -> str:
    return f"  webhooks: [{{name: ops, url: '{url}', secret: {SECRET}, severities: [P0]}}]\n"


async def test_new_channel_tells_a_p0_while_a_message_of_before_still_hangs(
    tmp_path: Path,
) -> None:
    async with Receiver(SECRET) as hook, role(tmp_path) as (respond, running):
        await respond.hang()

        given = await respond.reload(webhook(hook.url))
        assert (given.good, given.changed) == (True, ["notify"])
        await respond.post(webhook_alert(starts_at=now()))
        await hook.wait(1, seconds=30)
        assert NotificationState.DELIVERED not in await respond.states("INC-1")

        respond.release.set()
        await until(lambda: _delivered(respond), seconds=30)
        respond.stop.set()
        await asyncio.wait_for(running, 30)
        assert respond.seen.count("end") == 1
        assert len(hook.received) == 1


async def test_stop_waits_for_what_was_under_way_before_the_reload(tmp_path: Path) -> None:
    async with Receiver(SECRET) as hook, role(tmp_path) as (respond, running):
        await respond.hang()
        assert (await respond.reload(webhook(hook.url))).good

        respond.stop.set()
        await asyncio.wait({running}, timeout=1)
        assert not running.done()
        respond.release.set()
        await asyncio.wait_for(running, 30)

        assert await respond.states("INC-1") == [NotificationState.DELIVERED]
        assert respond.seen.count("end") == 1


async def _delivered(respond: Role) -> bool:
    return await respond.states("INC-1") == [NotificationState.DELIVERED]
