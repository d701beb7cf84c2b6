"""What the channels over HTTP make of a receiver's answers."""

import gzip
import tracemalloc
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch import clock
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.notifiers.http import retry_after
from dexwatch.response.notifier import DeliveryResult
from tests.fakes.notices import notice
from tests.notifiers.case import CASES, DELIVERED, FAILED, HTTP_CASES, RETRYABLE, UNKNOWN, opened


async def tried(name: str, reply: Reply) -> DeliveryResult:
    """Send one page to a receiver that gives this answer."""

    async def given_answer(_: Request) -> Reply:
        return reply

    async with (
        LoopbackServer(given_answer) as server,
        opened(name, CASES[name].config(server.url)) as notifier,
    ):
        return await notifier.send(notice(name, CASES[name].recipient))


@pytest.mark.parametrize("name", HTTP_CASES)
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((code, FAILED) for code in (301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422)),
        *((code, RETRYABLE) for code in (408, 425, 429)),
        *((code, UNKNOWN) for code in (500, 502, 503, 504)),
    ],
)
async def test_statuses(name: str, status: int, meaning: DeliveryOutcome) -> None:
    headers = {"location": "http://127.0.0.1:1/"}
    result = await tried(name, Reply(b"{}", status=status, headers=headers))
    assert result.outcome is meaning
    assert result.retry_after is None
    assert str(status) in result.detail


def answer(header: str) -> httpx.Response:
    return httpx.Response(429, headers=[(b"retry-after", header.encode())])


@pytest.mark.parametrize("name", HTTP_CASES)
@pytest.mark.parametrize("status", [429, 503])
async def test_who_says_when_to_come_back_is_obeyed(name: str, status: int) -> None:
    seconds = await tried(name, Reply(b"", status=status, headers={"retry-after": "7"}))
    assert (seconds.outcome, seconds.retry_after) == (RETRYABLE, 7)
    date = format_datetime(clock.now() + timedelta(seconds=90), usegmt=True)
    dated = await tried(name, Reply(b"", status=status, headers={"retry-after": date}))
    assert dated.outcome is RETRYABLE
    assert 80 < (dated.retry_after or 0) <= 90


def test_a_date_that_is_past_means_now_and_one_far_ahead_an_hour() -> None:
    assert retry_after(answer("Fri, 31 Dec 1999 23:59:59 GMT")) == 0
    assert retry_after(answer("Friday, 31-Dec-99 23:59:59 GMT")) == 0
    assert retry_after(answer("Fri Dec 31 23:59:59 1999")) == 0
    assert retry_after(answer("Fri, 31 Dec 2199 23:59:59 GMT")) == 3600
    assert retry_after(answer("999999999999")) == 3600


@given(st.text(max_size=40))
def test_no_header_is_a_crash_or_an_endless_wait(header: str) -> None:
    seconds = retry_after(answer(header))
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize("name", HTTP_CASES)
async def test_an_endless_answer_is_not_read_to_its_end(name: str) -> None:
    result = await tried(name, Reply(b" " * 5_000_000))
    assert result.outcome in (UNKNOWN, DELIVERED)


@pytest.mark.parametrize("name", HTTP_CASES)
async def test_an_answer_that_is_packed_twice_is_not_unpacked(name: str) -> None:
    twice = gzip.compress(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        result = await tried(name, Reply(twice, headers={"content-encoding": "gzip, gzip"}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.outcome in (UNKNOWN, DELIVERED)
    assert peak < 10_000_000


@pytest.mark.parametrize("name", HTTP_CASES)
async def test_a_connection_that_breaks_leaves_it_unknown(name: str) -> None:
    assert (await tried(name, Reply(b"", reset=True))).outcome is UNKNOWN


@pytest.mark.parametrize("name", HTTP_CASES)
async def test_redirects_are_not_followed(name: str) -> None:
    reached: list[Request] = []

    async def elsewhere(request: Request) -> Reply:
        reached.append(request)
        return Reply(b"ok")

    async with LoopbackServer(elsewhere) as other:
        location = {"location": f"{other.url}/inside"}
        result = await tried(name, Reply(b"", status=307, headers=location))
    assert result.outcome is FAILED
    assert reached == []
