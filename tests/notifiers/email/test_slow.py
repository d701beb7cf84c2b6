"""A slow mail server is waited for, and a repeat is known as one."""

import asyncio

import pytest

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email import dialogue
from dexwatch.notifiers.email.config import EmailConfig
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.notices import notice
from tests.fakes.smtp import scripted
from tests.notifiers.case import DELIVERED, RETRYABLE, UNKNOWN, opened
from tests.notifiers.email.case import config

ANA = "ana@example.org"


def to(box: FailingMailbox) -> EmailConfig:
    return config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hundredth of a second pass for a second of patience."""
    for name in ("_COMMAND_SECONDS", "_TAKEN_SECONDS"):
        monkeypatch.setattr(dialogue, name, getattr(dialogue, name) / 100)


def test_the_final_dot_is_waited_for_longest_and_all_fits_into_an_attempt() -> None:
    assert dialogue._TAKEN_SECONDS >= 120
    assert dialogue._COMMAND_SECONDS >= 30
    assert dialogue._TAKEN_SECONDS + dialogue._COMMAND_SECONDS < dialogue.ATTEMPT_SECONDS


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("severity", [Severity.P0, Severity.P3])
async def test_a_server_that_thinks_after_the_final_dot_gets_one_mail(severity: Severity) -> None:
    async with FailingMailbox() as box, opened("email", to(box)) as notifier:
        box.slow(dialogue._TAKEN_SECONDS * 0.6)
        result = await notifier.send(notice("email", ANA, severity=severity))
        assert result.outcome is DELIVERED
        assert len(box.messages) == 1


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("verb", ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("share", "outcome"), [(0.5, DELIVERED), (5.0, RETRYABLE)])
async def test_slowness_before_the_message_is_waited_for_and_then_safe_to_repeat(
    verb: str, share: float, outcome: object
) -> None:
    slow = {verb: dialogue._COMMAND_SECONDS * share}
    async with (
        scripted({}, [], slow=slow) as address,
        opened("email", config(address)) as notifier,
    ):
        assert (await notifier.send(notice("email", ANA))).outcome is outcome


@pytest.mark.usefixtures("hasty")
async def test_silence_after_the_final_dot_leaves_it_unknown() -> None:
    slow = {"end": dialogue._TAKEN_SECONDS * 3}
    async with (
        scripted({}, [], slow=slow) as address,
        opened("email", config(address)) as notifier,
    ):
        assert (await notifier.send(notice("email", ANA))).outcome is UNKNOWN


@pytest.mark.parametrize("taken", [True, False])
async def test_a_repeat_bears_the_same_id_whatever_became_of_the_first(taken: bool) -> None:
    async with FailingMailbox() as box, opened("email", to(box)) as notifier:
        page = notice("email", ANA)
        box.hang_up(taken=taken)
        assert (await notifier.send(page)).outcome is UNKNOWN
        again = await notifier.send(page)
        assert again.outcome is DELIVERED
        ids = [mail.message["Message-ID"] for mail in box.messages]
        assert len(ids) == (2 if taken else 1)
        assert set(ids) == {again.handle}


async def test_a_greylisting_server_takes_the_second_attempt() -> None:
    async with FailingMailbox(greylist=True) as box, opened("email", to(box)) as notifier:
        page = notice("email", ANA)
        assert (await notifier.send(page)).outcome is RETRYABLE
        assert (await notifier.send(page)).outcome is DELIVERED


async def test_messages_wait_side_by_side_for_a_slow_server() -> None:
    async with FailingMailbox() as box, opened("email", to(box)) as notifier:
        box.slow(1, times=notifier.parallel)
        pages = [notice("email", ANA, key=str(n)) for n in range(notifier.parallel)]
        async with asyncio.timeout(5):
            results = await asyncio.gather(*map(notifier.send, pages))
        assert {result.outcome for result in results} == {DELIVERED}
