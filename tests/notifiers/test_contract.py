"""What every channel promises: no secret told, hostile text taken, what failures mean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import NoticeKind
from dexwatch.incidents.records import IncidentState
from dexwatch.notifiers.registry import NOTIFIERS
from tests.fakes.notices import hostile, notice
from tests.notifiers.case import CASES, DELIVERED, NOWHERE, RETRYABLE, SECRET, UNKNOWN, opened

pytestmark = pytest.mark.parametrize("name", sorted(CASES))


@asynccontextmanager
async def rude_server(farewell: bytes) -> AsyncIterator[str]:
    """Serve an address that reads a little, says `farewell` and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(farewell)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.2)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_closed_port_is_tried_again(name: str) -> None:
    case = CASES[name]
    async with opened(name, case.config(NOWHERE)) as notifier:
        result = await notifier.send(notice(name, case.recipient))
    assert result.outcome is RETRYABLE


@pytest.mark.parametrize("farewell", [b"", SECRET.encode(), b"\xff\x00\r\n" * 999])
async def test_nonsense_and_a_rude_end_are_never_a_delivery_or_an_exception(
    name: str, farewell: bytes
) -> None:
    case = CASES[name]
    with structlog.testing.capture_logs() as logs:
        async with (
            rude_server(farewell) as address,
            opened(name, case.config(address)) as notifier,
        ):
            result = await notifier.send(notice(name, case.recipient))
    assert result.outcome in (RETRYABLE, UNKNOWN)
    assert SECRET not in repr(result) + repr(logs) + repr(notifier) + repr(case.config(address))


async def test_a_message_is_delivered_and_so_is_its_update(name: str) -> None:
    case = CASES[name]
    async with case.receiver() as stand, opened(name, stand.config) as notifier:
        page = notice(name, case.recipient, sent_at=datetime.now(UTC))
        first = await notifier.send(page)
        assert first.outcome is DELIVERED
        update = replace(
            page,
            key="u",
            kind=NoticeKind.UPDATE,
            event=UpdateReason.ACKNOWLEDGED,
            state=IncidentState.ACKNOWLEDGED,
            handle=first.handle,
        )
        assert (await notifier.send(update)).outcome is DELIVERED
        assert len(stand.shown()) == 2
        assert page.title in stand.shown()[0]


async def test_hostile_text_is_taken_by_a_strict_receiver_and_harmless(name: str) -> None:
    case = CASES[name]
    async with case.receiver() as stand, opened(name, stand.config) as notifier:
        bad = hostile(name, case.recipient, sent_at=datetime.now(UTC))
        result = await notifier.send(bad)
        assert result.outcome is DELIVERED, result
        assert len(stand.shown()) == 1
        assert len(stand.shown()[0]) < 200_000


async def test_it_promises_at_least_one_message_at_a_time(name: str) -> None:
    async with opened(name, CASES[name].config(NOWHERE)) as notifier:
        assert notifier.name == name
        assert notifier.parallel >= 1
        await notifier.start()


async def test_doctor_is_told_what_does_not_answer(name: str) -> None:
    channel = next(channel for channel in NOTIFIERS if channel.name == name)
    probes = list(channel.probes(CASES[name].config(NOWHERE)))
    assert probes
    for probe in probes:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - sockets raise their own kinds.
            await probe.attempt()
        assert SECRET not in str(caught.value) + probe.remedy + probe.subject
        assert probe.remedy


async def test_doctor_is_content_with_a_good_receiver_and_sends_it_nothing(name: str) -> None:
    channel = next(channel for channel in NOTIFIERS if channel.name == name)
    async with CASES[name].receiver() as stand:
        for probe in channel.probes(stand.config):
            assert await probe.attempt()
        assert stand.shown() == []
