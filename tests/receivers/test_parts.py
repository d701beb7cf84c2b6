"""A message is taken in parts: what fits is taken, and each alert is answered alone."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dexwatch.clock import now
from dexwatch.incidents.state import Reason
from dexwatch.metrics.severity import Severity
from dexwatch.receivers import registry
from dexwatch.receivers.alertmanager.config import BOUNDS
from dexwatch.receivers.alertmanager.parse import Envelope, parse
from dexwatch.receivers.receiver import Inbound
from tests.fakes.alerts import payload, webhook_alert
from tests.fakes.inbound import GOOD, PATH, TOKEN, RecordingReceiver, broken, client


async def test_a_broken_alert_is_answered_alone_and_those_beside_it_are_taken() -> None:
    receiver = RecordingReceiver()
    alerts = [
        webhook_alert("First", "P0"),
        webhook_alert("Broken", "P0") | {"startsAt": "yesterday"},
        5,
        webhook_alert("Last", "P1"),
    ]
    async with client(receiver) as http:
        response = await http.post(PATH, content=broken(alerts=alerts), headers=GOOD)
    assert response.status_code == 200
    opened = Reason.OPENED.value
    refused = ["refused: see startsAt", "refused: see alert"]
    assert response.json()["applied"] == [opened, *refused, opened]
    assert [event.name for event in receiver.events] == ["First", "Last"]
    assert receiver.counted == ["in_part"]


async def test_what_is_too_long_is_cut_and_the_alert_is_taken() -> None:
    receiver = RecordingReceiver()
    huge = webhook_alert("Huge", "P1", annotations={"summary": "s", "query": "q" * 1_500_000})
    huge["labels"] |= {f"l{n}": "v" * 50_000 for n in range(100)} | {"n" * 300: "x"}
    async with client(receiver) as http:
        body = broken(alerts=[huge, webhook_alert("Real", "P1")])
        response = await http.post(PATH, content=body, headers=GOOD)
    assert (response.status_code, response.json()["cut"]) == (200, 1)
    cut, real = receiver.events
    assert (cut.name, cut.severity, real.name) == ("Huge", Severity.P1, "Real")
    assert len(cut.labels) == BOUNDS.labels
    assert max(map(len, cut.labels.values())) == BOUNDS.label_chars
    assert len(cut.annotations["query"]) == BOUNDS.annotation_chars
    assert cut.annotations["query"].endswith("q…")
    assert cut.group == real.group
    assert receiver.counted == ["accepted"]


async def test_of_too_many_alerts_the_first_are_accepted_and_the_rest_is_reported() -> None:
    receiver = RecordingReceiver()
    alerts = [webhook_alert(f"Rule{n}", "P2") for n in range(BOUNDS.alerts + 7)]
    async with client(receiver) as http:
        response = await http.post(PATH, content=broken(alerts=alerts), headers=GOOD)
    assert (response.status_code, response.json()["left_out"]) == (200, 7)
    assert len(receiver.events) == BOUNDS.alerts
    assert receiver.counted == ["in_part"]


async def test_what_alertmanager_itself_left_out_is_told_as_missing() -> None:
    receiver = RecordingReceiver()
    async with client(receiver) as http:
        body = broken(alerts=[webhook_alert("Rule", "P2")], truncatedAlerts=3)
        response = await http.post(PATH, content=body, headers=GOOD)
    assert (response.status_code, response.json()["left_out"]) == (200, 3)
    assert receiver.counted == ["in_part"]


async def test_watchdog_firing_is_a_heartbeat_and_its_resolve_is_not() -> None:
    receiver = RecordingReceiver()
    before = now()
    async with client(receiver) as http:
        beat = broken(alerts=[webhook_alert("Watchdog", "none")])
        response = await http.post(PATH, content=beat, headers=GOOD)
        assert response.json()["applied"] == ["heartbeat"]
        end = broken(alerts=[webhook_alert("Watchdog", "none", status="resolved")])
        await http.post(PATH, content=end, headers=GOOD)
        other = broken(alerts=[webhook_alert("Other", "none")])
        await http.post(PATH, content=other, headers=GOOD)
    [(source, at)] = receiver.beats
    assert source == "alertmanager"
    assert before <= at <= before + timedelta(minutes=1)
    assert (receiver.events, receiver.counted) == ([], ["accepted"] * 3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_no_record_whatever_it_is_hides_the_alert_beside_it(record: object) -> None:
    envelope = Envelope.model_validate(payload(webhook_alert("Real", "P0")))
    both = envelope.model_copy(update={"alerts": (record, *envelope.alerts)})
    strange, real = parse(both, BOUNDS)
    assert strange.refused
    assert real.event is not None
    assert real.event.name == "Real"


def test_each_receiver_has_an_id_and_routes_of_its_own() -> None:
    sources = [receiver.source for receiver in registry.RECEIVERS]
    assert len(set(sources)) == len(sources) > 0
    for receiver in registry.RECEIVERS:
        recording = RecordingReceiver()
        inbound = Inbound(recording.ingest, SecretStr(TOKEN))
        for route in receiver.routes(inbound):
            assert route.path.startswith(f"/hooks/{receiver.source}")
