"""An alert of somebody else's rules has one group, whichever way it comes."""

import json

import pytest

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.incidents.events import AlertEvent
from dexwatch.receivers.alertmanager.config import BOUNDS
from dexwatch.receivers.alertmanager.parse import Envelope, parse
from dexwatch.response.ingest import Ingest
from dexwatch.response.reconcile import Reconciler
from dexwatch.storage.store import open_store
from tests.fakes.alerts import POLICY, T0, at, payload, webhook_alert


@pytest.mark.parametrize("name", ["ForeignDown", "F" * 3000])
async def test_webhook_and_reconciling_put_a_foreign_alert_in_one_incident(
    name: str, tmp_path
) -> None:
    labels = {"alertname": name, "severity": "P0", "instance": "a"}
    alert = webhook_alert() | {"labels": labels}
    envelope = Envelope.model_validate_json(json.dumps(payload(alert, group_key="{}:{x='y'}")))
    events: list[AlertEvent] = [p.event for p in parse(envelope, BOUNDS) if p.event is not None]

    class View:
        async def alerts(self, *, receiver: str = "") -> list[RoutedAlert]:
            sibling = {**labels, "instance": "b"}
            return [
                RoutedAlert("b", sibling, {}, T0, at(900), "active", (), (), receivers=(receiver,))
            ]

    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}")
    try:
        ingest = Ingest(store, lambda: at(30), policy=POLICY, wake=lambda: None)
        first = await ingest(events)
        reconciler = Reconciler(
            store,
            View(),
            ingest,
            lambda: at(30),
            receiver="dexwatch",
            every_seconds=30,
            missing_seconds=180,
        )
        assert await reconciler.once(View()) == 1
        assert [a.incident_id for a in first] == ["INC-1"]
        assert {a.incident_id for a in await store.firing()} == {"INC-1"}
    finally:
        await store.close()
