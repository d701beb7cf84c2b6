"""The whole role over real sockets: an alert becomes messages, which are kept up to date."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from dexwatch.clock import now
from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.records import DeliveryOutcome, NotificationState
from dexwatch.metrics import own
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.email.client import EmailNotifier
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.notifiers.slack.config import SlackConfig
from dexwatch.notifiers.webhook.config import WebhookConfig
from dexwatch.receivers.receiver import Inbound
from dexwatch.receivers.registry import routes
from dexwatch.response import respond
from dexwatch.response.actions import act
from dexwatch.response.config import RespondConfig
from dexwatch.response.respond import Respond
from dexwatch.response.retention import JOB as RETENTION_JOB
from dexwatch.response.self_metrics import RECEIVER_OUTCOMES
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import payload, webhook_alert
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.need import free_port
from tests.fakes.receiver import Receiver
from tests.fakes.slack import FailingSlack, Failure, Fault

PROVES = ("R-CHANNELS",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


TOKEN = SecretStr("hook-token-of-the-test")


@dataclass
class Stack:
    store: SqlStore
    role: Respond
    slack: FailingSlack
    mailbox: FailingMailbox
    hook: Receiver
    url: str

    async def post(self, *alerts: dict, token: str = TOKEN.get_secret_value()) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(
                f"{self.url}/hooks/alertmanager",
                json=payload(*alerts),
                headers={"Authorization": f"Bearer {token}"},
            )


@asynccontextmanager
async def stack(folder: Path, **settings: float) -> AsyncIterator[Stack]:
    async with FailingSlack() as slack, FailingMailbox() as mailbox, Receiver("s" * 16) as hook:
        notify = NotifyConfig(
            email=EmailConfig(
                host="127.0.0.1",
                port=mailbox.smtp_port,
                tls="none",
                sender="dexwatch@example.org",
                to={Severity.P0: ("ana@example.org",), Severity.P3: ("bo@example.org",)},
            ),
            slack=SlackConfig(
                token=SecretStr("xoxb-sample"),
                api_url=slack.api_url,
                channels={Severity.P0: "#critical-alerts", Severity.P2: "#alerts"},
            ),
            webhooks=(
                WebhookConfig(
                    name="ops",
                    url=hook.url,
                    secret=SecretStr("s" * 16),
                    severities=(Severity.P0,),
                ),
            ),
        )
        config = RespondConfig(hook_token=TOKEN, **settings)
        store = await open_store(
            f"sqlite+aiosqlite:///{folder / 'dexwatch.sqlite'}",
        )
        role = Respond(
            store,
            notifiers.build(notify),
            config,
            policy=config.policy(notifiers.routes(notify)),
            public_url="http://127.0.0.1:8900",
        )
        app = Starlette(
            routes=routes(Inbound(role.ingest, config.hook_token), role.metrics.received)
        )
        port, stop = free_port(), asyncio.Event()
        server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        running = asyncio.create_task(role.run(stop))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield Stack(store, role, slack, mailbox, hook, f"http://127.0.0.1:{port}")
        finally:
            stop.set()
            server.should_exit = True
            await asyncio.gather(running, serving)
            await store.close()


async def test_a_p0_reaches_every_channel_at_once_and_they_follow_it_to_its_end(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as s:
        alert = webhook_alert(starts_at=now())
        assert (await s.post(alert)).status_code == 200
        # Generous: other programs may keep the machine busy; the benchmark tells the figure.
        await asyncio.gather(
            s.slack.wait(1, seconds=30), s.mailbox.wait(1, seconds=30), s.hook.wait(1, seconds=30)
        )
        assert s.slack.messages[0].channel == "critical-alerts"
        assert "/incidents/INC-1" in s.mailbox.messages[0].text
        assert s.hook.received[0]["incident"]["state"] == "open"

        await act(s.store, Acknowledged("INC-1", "bo", "a1"), now())
        await asyncio.gather(s.slack.wait(2), s.mailbox.wait(2), s.hook.wait(2))
        root, thread = s.slack.messages
        assert root.edits == 1
        assert thread.thread_ts == root.ts
        assert "acknowledged" in root.text

        over = webhook_alert(status="resolved", starts_at=now(), ends_at=now().isoformat()) | {
            "startsAt": alert["startsAt"]
        }
        assert (await s.post(over)).status_code == 200
        await asyncio.gather(s.slack.wait(3), s.mailbox.wait(3), s.hook.wait(3))
        assert s.hook.received[2]["incident"]["state"] == "resolved"
        first, *later = s.mailbox.messages
        root_id = first.message["Message-ID"]
        assert all(mail.message["In-Reply-To"] == root_id for mail in later)

        view = await s.store.incident("INC-1")
        assert view is not None
        times = view.incident
        assert times.began_at <= times.detected_at <= times.ingested_at <= times.paged_at
        assert times.paged_at <= times.delivered_at <= times.resolved_at
        assert {page.state for page in view.notifications} == {NotificationState.DELIVERED}
        assert s.slack.calls["chat.postMessage"] == 3
        figures = {(x.metric, *x.labels.values()): x.value for x in s.role.samples()}
        assert figures[own.notifications, "slack", "delivered"] == 1
        assert figures[own.receiver_requests, "alertmanager", "accepted"] == 2


async def test_the_same_payload_again_changes_nothing(tmp_path: Path) -> None:
    async with stack(tmp_path) as s:
        alert = webhook_alert(starts_at=now())
        for _ in range(3):
            assert (await s.post(alert)).status_code == 200
        await s.slack.wait(1)
        listing = await s.store.incidents(IncidentFilter())
        assert listing.total == 1
        view = await s.store.incident("INC-1")
        assert [e.kind for e in view.timeline if e.kind != "page"] == ["opened"]
        assert len(view.notifications) == 3


async def test_a_message_slack_took_without_answering_is_found_not_repeated(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as s:
        s.slack.fail(Failure(Fault.RESET, accepted=True), method="chat.postMessage")
        await s.post(webhook_alert("CpuUse80", "P2", starts_at=now(), alert_group="cpu"))
        await s.slack.wait(1)
        async with asyncio.timeout(15):
            while (await s.store.incident("INC-1")).incident.delivered_at is None:
                await asyncio.sleep(0.05)
        assert s.slack.calls["chat.postMessage"] == 1
        assert len(s.slack.messages) == 1


async def test_a_refused_p0_page_goes_out_again_and_is_not_lost(tmp_path: Path) -> None:
    async with stack(tmp_path) as s:
        s.slack.fail(Failure(Fault.RATE_LIMITED, seconds=1), times=1)
        s.mailbox.hang_up(taken=False)
        s.hook.answers.extend([503])
        await s.post(webhook_alert(starts_at=now()))
        await asyncio.gather(s.slack.wait(1), s.mailbox.wait(1), s.hook.wait(1))
        assert len(s.slack.messages) == len(s.mailbox.messages) == 1


async def test_what_fails_beside_the_worker_does_not_end_paging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preparing a channel, counting and tidying up are logged when they fail, and life goes on."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(EmailNotifier, "start", broken)
    monkeypatch.setattr(SqlStore, "counts", broken)
    monkeypatch.setattr(SqlStore, "prune", broken)
    monkeypatch.setattr(respond, "_PERIODIC", (replace(RETENTION_JOB, delay=0.0),))
    async with stack(tmp_path) as s:
        await asyncio.sleep(0.1)
        assert (await s.post(webhook_alert(starts_at=now()))).status_code == 200
        await asyncio.gather(s.slack.wait(1, seconds=30), s.mailbox.wait(1, seconds=30))


async def test_metrics_are_there_before_the_first_event(tmp_path: Path) -> None:
    async with stack(tmp_path) as s:
        figures = {(x.metric, *x.labels.values()): x.value for x in s.role.samples()}
    for channel in ("slack", "email", "webhook"):
        for result in DeliveryOutcome:
            assert figures[own.notifications, channel, result.value] == 0
            assert result.value in own.notifications.help
    for outcome in RECEIVER_OUTCOMES:
        assert figures[own.receiver_requests, "alertmanager", outcome] == 0
        assert outcome in own.receiver_requests.help


async def test_a_wrong_token_is_turned_away_and_counted(tmp_path: Path) -> None:
    async with stack(tmp_path) as s:
        assert (await s.post(webhook_alert(), token="wrong")).status_code == 401
        assert (await s.store.incidents(IncidentFilter())).total == 0
