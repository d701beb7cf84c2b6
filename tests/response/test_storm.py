"""Many incidents and slow servers: people get few messages, and no copies."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from dexwatch.clock import now
from dexwatch.incidents.records import NotificationState
from dexwatch.response.messaging import dispatch
from dexwatch.response.views import IncidentFilter
from tests.fakes.alerts import webhook_alert
from tests.response.test_respond import Stack, stack


async def settled(s: Stack, channel: str) -> None:
    """Wait until every incident's notifications on this channel are delivered."""
    async with asyncio.timeout(50):
        while True:
            listed = await s.store.incidents(IncidentFilter(), limit=200)
            views = [await s.store.incident(one.id) for one in listed.incidents]
            states = [n.state for v in views if v for n in v.notifications if n.channel == channel]
            if states and all(state is NotificationState.DELIVERED for state in states):
                return
            await asyncio.sleep(0.2)


async def test_thirty_p0_at_once_go_out_in_a_few_messages_and_all_count_as_delivered(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as s:
        storm = [
            webhook_alert(name=f"Fault{n}", fingerprint=f"f{n}", starts_at=now()) for n in range(30)
        ]
        for alert in storm:
            alert["labels"] |= {"alert_group": alert["labels"]["alertname"], "service": "x"}
        began = monotonic()
        assert (await s.post(*storm)).status_code == 200
        await settled(s, "email")
        await settled(s, "slack")
        await settled(s, "webhook")
        # A busy host takes longer, and then a little more is allowed.
        most = 10 * (1 + (monotonic() - began) // 60) + 2 + (monotonic() - began) / 8
        listed = await s.store.incidents(IncidentFilter(), limit=200)
        count = listed.total
        assert count > 20
        mails = [mail.subject for mail in s.mailbox.messages]
        assert len(mails) <= most
        assert any("incidents at once" in subject for subject in mails)
        assert len([m for m in s.slack.messages if m.thread_ts is None]) <= most
        assert len(s.hook.received) == count


async def test_a_slow_mail_server_gets_one_p0_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "send_timeout", lambda _: 0.3)
    async with stack(tmp_path) as s:
        s.mailbox.slow(3.0, times=9)
        assert (await s.post(webhook_alert(starts_at=now()))).status_code == 200
        await settled(s, "email")
        with pytest.raises(TimeoutError):
            await s.mailbox.wait(2, seconds=1)
