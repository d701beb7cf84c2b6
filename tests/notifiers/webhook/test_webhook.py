"""The webhook: a receiver recognises repeats, and documents are bounded."""

from datetime import UTC, datetime

from tests.fakes.notices import hostile, notice
from tests.fakes.receiver import Receiver
from tests.notifiers.case import DELIVERED, SECRET, UNKNOWN, opened
from tests.notifiers.webhook.case import config


async def test_a_receiver_sees_one_key_for_all_attempts() -> None:
    async with Receiver(SECRET) as hook:
        hook.answers.append(None)
        async with opened("webhook", config(hook.url)) as notifier:
            page = notice("webhook", "ops", sent_at=datetime.now(UTC))
            assert (await notifier.send(page)).outcome is UNKNOWN
            assert (await notifier.send(page)).outcome is DELIVERED
        assert (len(hook.received), hook.repeats, hook.refused) == (1, 1, [])


async def test_long_texts_are_cut() -> None:
    async with Receiver(SECRET) as hook, opened("webhook", config(hook.url)) as notifier:
        await notifier.send(hostile("webhook", "ops", sent_at=datetime.now(UTC)))
        assert len(hook.received[0]["incident"]["summary"]) <= 4000
