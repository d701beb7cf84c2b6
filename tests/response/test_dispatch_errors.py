"""What an error of our own means for a page: another way is found, and it is tried again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import JobOutcome
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import StoreUnavailableError
from tests.fakes.alerts import ANA, SLACK, fire
from tests.fakes.dispatch import Rig, opened

HOURS = 3600.0


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path) as made:
        yield made


def raising(error: Exception) -> Callable[..., Awaitable[None]]:
    async def context(*_: object) -> None:
        raise error

    return context


async def crash(rig: Rig, times: int) -> None:
    for _ in range(times):
        job = await rig.next_due("slack")
        result = await rig.dispatcher()(job)
        assert result.outcome is JobOutcome.CRASHED
        assert "ValueError" in result.detail
        assert "s3cret" not in result.detail
        await rig.queue.settle(job, result)


async def test_a_page_whose_handler_fails_finds_another_way_and_is_never_given_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.policy = Policy(routes={Severity.P0: (SLACK,), Severity.P3: (ANA,)})
    await rig.apply(fire())
    with monkeypatch.context() as broken:
        broken.setattr(rig.store, "message_context", raising(ValueError("s3cret")))
        await crash(rig, 3)
        (fallback,) = await rig.take()
        assert fallback.lane == ANA.recipient
        await crash(rig, 5)
        assert (await rig.store.counts()).quarantined == 0
    before = rig.clock.seconds
    job = await rig.next_due("slack")
    assert rig.clock.seconds - before <= 300
    assert (await rig.do(job)).outcome is JobOutcome.DONE


async def test_a_page_whose_handler_fails_for_hours_is_noted_as_failed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.policy = Policy(routes={Severity.P0: (SLACK,)})
    await rig.apply(fire())
    rig.clock.seconds = 6 * HOURS + 1
    monkeypatch.setattr(rig.store, "message_context", raising(ValueError("odd")))
    (job,) = await rig.take("slack")
    assert (await rig.do(job)).outcome is JobOutcome.DEAD
    view = await rig.store.incident("INC-1")
    assert any("cannot be reached" in entry.text for entry in view.timeline)


async def test_a_database_that_is_away_leaves_a_page_that_was_cut_off_uncertain(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.policy = Policy(routes={Severity.P0: (SLACK,)})
    await rig.apply(fire())
    away = raising(StoreUnavailableError("away"))
    (first,) = await rig.take("slack")
    with monkeypatch.context() as broken:
        broken.setattr(rig.store, "message_context", away)
        with pytest.raises(StoreUnavailableError):
            await rig.dispatcher()(first)
    rig.clock.seconds += 13
    (second,) = await rig.take("slack")
    assert second.lapsed
    with monkeypatch.context() as broken:
        broken.setattr(rig.store, "transact", away)
        result = await rig.dispatcher()(second)
    assert await rig.queue.settle(second, result)
    view = await rig.store.incident("INC-1")
    assert "not known whether" in view.timeline[-1].text
    rig.clock.seconds += 60
    (third,) = await rig.take("slack")
    assert (third.lapsed, third.uncertain) == (False, 1)
