"""One odd alert never keeps the others of its batch from being decided, whichever database."""

from collections.abc import Sequence
from random import Random

import pytest

from dexwatch.incidents.events import AlertFired, AlertResolved
from dexwatch.incidents.state import Reason
from dexwatch.response.ingest import fired, resolved
from dexwatch.response.store import IncidentRecord, RacedError
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.incidents import SqlIncidents
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import POLICY, apply, at, clear, fire

FOREIGN = {"alertname": "ForeignDown", "severity": "P0"}
BY_WEBHOOK = '{}:{alertname="ForeignDown"}'
BY_RECONCILE = "ForeignDown"


def foreign(instance: str, upstream: str, start: float = 0) -> AlertFired:
    return fired(
        fingerprint=instance,
        labels=FOREIGN | {"instance": instance},
        annotations={},
        starts_at=at(start),
        upstream=upstream,
    )


def over(instance: str, upstream: str, end: float) -> AlertResolved:
    return resolved(
        fingerprint=instance,
        labels=FOREIGN | {"instance": instance},
        annotations={},
        starts_at=at(0),
        ends_at=at(end),
        upstream=upstream,
    )


async def test_an_alert_that_moves_to_another_group_within_a_batch_joins_its_incident(
    store: SqlStore,
) -> None:
    await apply(store, [foreign("a", BY_WEBHOOK)], 0)
    await apply(store, [foreign("b", BY_RECONCILE)], 0)
    batch = [over("b", BY_WEBHOOK, 600), foreign("b", BY_WEBHOOK, 600), fire(start=600)]
    applied = await apply(store, batch, 600)
    assert applied[1].reason in {Reason.JOINED, Reason.ANOTHER_JOINED}
    assert applied[1].incident_id == "INC-1"
    assert applied[2].reason is Reason.OPENED
    assert (await store.counts()).quarantined == 0


@pytest.mark.parametrize(
    "service", ["a\x00b", "half \ud800 of a pair", Random(1).randbytes(5000).hex()]
)
async def test_a_service_that_no_database_keeps_as_it_is_makes_one_incident(
    store: SqlStore, service: str
) -> None:
    batch = [fire("Odd", "P0", alert_group="odd", service=service, instance=i) for i in "ab"]
    for n, event in enumerate(batch):
        applied = await apply(store, [event, fire()], n)
        assert applied[0].incident_id == "INC-1"
    assert (await store.counts()).quarantined == 0
    assert (await store.incidents(IncidentFilter())).total == 2


async def test_an_event_that_meets_a_race_each_time_is_kept_apart(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is there already looks like a race, however often it is tried."""
    save = SqlIncidents.save

    async def raced(self: SqlIncidents, records: Sequence[IncidentRecord]) -> None:
        if any(record.incident.group == "alert_group/odd/api" for record in records):
            raise RacedError("a row is there already")
        await save(self, records)

    monkeypatch.setattr(SqlIncidents, "save", raced)
    applied = await apply(store, [fire("Odd", "P0", alert_group="odd"), fire()], 0)
    assert [one.reason for one in applied] == [Reason.QUARANTINED, Reason.OPENED]
    assert (await store.counts()).quarantined == 1


async def test_no_number_is_left_out_when_a_batch_opens_one_incident_after_an_older_one(
    store: SqlStore,
) -> None:
    for n in range(3):
        await apply(store, [fire(f"Other{n}", alert_group=f"other{n}")], 0)
    await apply(store, [fire()], 0)
    await apply(store, [clear(end=10)], 10)
    later = POLICY.reopen_window.total_seconds() + 20
    batch = [fire(start=later, instance=i) for i in "ab"]
    assert {one.incident_id for one in await apply(store, batch, later)} == {"INC-5"}
    (last,) = await apply(store, [fire("Another", alert_group="another")], later)
    assert last.incident_id == "INC-6"
