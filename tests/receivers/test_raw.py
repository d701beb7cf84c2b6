"""What came in is kept as it came in, beside what was read from it."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.incidents.events import AlertEvent
from dexwatch.receivers.alertmanager.config import BOUNDS, Bounds
from dexwatch.receivers.alertmanager.parse import Envelope, parse
from dexwatch.response.deciding.batch import Applied
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import apply, at, payload, webhook_alert
from tests.fakes.inbound import GOOD, PATH, RecordingReceiver, client


class StoringReceiver(RecordingReceiver):
    """A receiver whose events are decided and stored."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__()
        self.store = store

    async def ingest(self, events: Sequence[AlertEvent]) -> list[Applied]:
        return await apply(self.store, events, 7)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[StoringReceiver]:
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}")
    yield StoringReceiver(store)
    await store.close()


async def kept(receiver: StoringReceiver, *alerts: dict[str, Any]) -> list[Any]:
    """Send the alerts and return what the store holds of them as they came."""
    body = json.dumps(payload(*alerts))
    async with client(receiver) as http:
        response = await http.post(PATH, content=body, headers=GOOD)
    assert response.status_code == 200
    history = await receiver.store.history("INC-1")
    assert {one.decided_at for one in history} == {at(7)}
    return [one.raw for one in history]


async def test_alert_is_kept_with_what_we_do_not_read(receiver: StoringReceiver) -> None:
    alert = webhook_alert() | {"generatorURL": "http://p/graph?a=b", "newer": [1.5, {"x": None}]}
    end = alert | {"status": "resolved", "endsAt": "2026-03-02T08:00:05Z"}

    assert await kept(receiver, alert) == [alert]
    assert await kept(receiver, end) == [alert, end]


async def test_alert_that_is_too_long_is_kept_in_part_and_says_so(
    receiver: StoringReceiver,
) -> None:
    alert = webhook_alert() | {"more": "é" * BOUNDS.raw_bytes}

    [raw] = await kept(receiver, alert)

    assert raw["cut"] is True
    assert raw["bytes"] > len(raw["json"].encode()) > BOUNDS.raw_bytes - 4
    assert raw["json"].startswith('{"status":"firing"')


async def test_number_of_any_length_is_kept(receiver: StoringReceiver) -> None:
    [raw] = await kept(receiver, webhook_alert() | {"more": 10**40})

    assert raw["cut"] is False
    assert json.loads(raw["json"])["more"] == 10**40


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=12,
        ),
    )
)
def test_whatever_stands_beside_the_alert_is_bounded(more: dict[str, Any]) -> None:
    envelope = Envelope.model_validate(payload(more | webhook_alert()))
    bounds = Bounds(raw_bytes=400)

    [found] = parse(envelope, bounds)

    assert found.event is not None
    raw = found.event.raw
    assert raw is not None
    assert len(json.dumps(raw.get("json", raw), ensure_ascii=False).encode()) <= 1000
