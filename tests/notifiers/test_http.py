"""What the channels over HTTP make of a receiver's answers."""

import pytest

from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.response.notifier import DeliveryResult
from tests.fakes.notices import notice
from tests.notifiers.case import CASES, FAILED, HTTP_CASES, RETRYABLE, UNKNOWN, opened


async def tried(name: str, reply: Reply) -> DeliveryResult:
    """Send one page to a receiver that gives this answer."""

    async def answer(_: Request) -> Reply:
        return reply

    async with (
        LoopbackServer(answer) as server,
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
    headers = {"location": "http://127.0.0.1:1/", "retry-after": "7"}
    result = await tried(name, Reply(b"{}", status=status, headers=headers))
    assert result.outcome is meaning
    assert result.retry_after == (7 if status == 429 else None)
    assert str(status) in result.detail


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
