"""Killed at any step, the role loses no P0 and sends at most one page too many."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from dexwatch.demo.local.mailbox import Mailbox
from dexwatch.demo.local.slack import SlackFake
from dexwatch.incidents.records import NotificationState
from dexwatch.jobs.queue import CRASH_POINTS as JOB_POINTS
from dexwatch.response.ingest import CRASH_POINTS as INGEST_POINTS
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.store import open_store
from tests.fakes import doomed
from tests.fakes.receiver import Receiver

AFTER_LEASE = 60


async def life(order: dict, **changes: object) -> tuple[int, str]:
    """Run the role until it ends or dies; return exit status and output."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        doomed.__file__,
        json.dumps(order | changes),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, error = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode not in (0, -9):
        raise AssertionError(error.decode()[-3000:])
    return child.returncode, out.decode()


@pytest.mark.parametrize(
    ("point", "nth"),
    [*((p, 1) for p in (*INGEST_POINTS, *JOB_POINTS)), ("job.attempted", 2), ("job.settled", 3)],
)
async def test_no_p0_is_lost_and_at_most_one_page_too_many(
    tmp_path: Path, point: str, nth: int
) -> None:
    async with SlackFake() as slack, Mailbox() as mailbox, Receiver("s" * 16) as hook:
        order = {
            "database": f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}",
            "slack": slack.api_url,
            "smtp_port": mailbox.smtp_port,
            "hook": hook.url,
            "crash": point,
            "nth": nth,
            "offset": 0,
            "post": True,
        }
        status, out = await life(order)
        assert status == -9, "the role was to be killed"
        # Alertmanager repeats what was not answered, and leases run out with time.
        repeat = "posted" not in out
        status, out = await life(order, crash=None, post=repeat, offset=AFTER_LEASE)
        assert (status, "idle" in out) == (0, True)

        store = await open_store(order["database"])
        assert (await store.incidents(IncidentFilter())).total == 1
        view = await store.incident("INC-1")
        await store.close()
        assert {p.state for p in view.notifications} == {NotificationState.DELIVERED}
        assert len(view.notifications) == 3
        # Slack can be asked and the webhook's receiver knows the key; mail cannot be taken back.
        assert len(slack.messages) == 1
        assert len(hook.received) == 1
        assert 1 <= len(mailbox.messages) <= 2
