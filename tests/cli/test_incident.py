"""`dexwatch incident`: what it lists, shows and replays."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from dexwatch.cli import app
from dexwatch.incidents.events import Acknowledged, NotificationAttempted
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.settings import load
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import apply, at, clear, fire, payload, webhook_alert
from tests.fakes.inbound import GOOD, PATH, RecordingReceiver, client


def with_store(file: Path, act: Callable[[SqlStore], Awaitable[None]]) -> None:
    async def run() -> None:
        settings = load(file)
        settings.folder.mkdir(exist_ok=True)
        store = await open_store(settings.storage.database_url(settings.folder))
        try:
            await act(store)
        finally:
            await store.close()

    asyncio.run(run())


async def a_night(store: SqlStore) -> None:
    """Two incidents of one group, with all that can happen to them."""
    await apply(store, [fire("CpuHigh", "P1", instance="a"), fire(instance="b")], 0)
    page = NotificationAttempted(
        "INC-1", "INC-1/2/slack/#critical-alerts", DeliveryOutcome.RETRYABLE, 3, "busy", 9
    )
    await apply(store, [page], 1)
    await apply(store, [fire(instance="b")], 2)
    await apply(store, [Acknowledged("INC-1", "bo", "key-1")], 5)
    await apply(store, [fire(instance="c", start=40)], 40)
    await apply(store, [clear("CpuHigh", "P1", instance="a"), clear(instance="b")], 60)
    await apply(store, [clear(instance="c", start=40)], 70)
    await apply(store, [fire(start=5000, instance="d", suppressed_by="s")], 5000)
    await apply(store, [fire(start=5000, instance="d")], 5010)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "dexwatch.yml"
    made.write_text("name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n")
    with_store(made, a_night)
    return made


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["incident", *arguments, "-c", str(file)])


def test_open_incidents_are_listed_and_all_on_demand(file: Path) -> None:
    listed = json.loads(run(file, "list", "--json").output)
    assert [one["id"] for one in listed["incidents"]] == ["INC-2"]
    shown = run(file, "list", "--all")
    assert "INC-1" in shown.output
    assert "INC-2" in shown.output


def test_a_list_without_incidents_says_so(file: Path) -> None:
    async def the_end(store: SqlStore) -> None:
        await apply(store, [clear(start=5000, instance="d")], 5100)

    with_store(file, the_end)
    assert "No incident is open. `--all` lists resolved ones, too." in run(file, "list").output
    assert json.loads(run(file, "list", "--json").output)["incidents"] == []


def test_a_store_that_is_not_there_is_not_made_by_looking_for_it(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text("name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n")
    (tmp_path / "dexwatch-state").mkdir()

    shown = run(file, "list")

    assert shown.exit_code == 1
    assert "there is no incident store" in " ".join(shown.output.split())
    assert list((tmp_path / "dexwatch-state").iterdir()) == []


def test_a_list_of_all_without_incidents_says_so(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text("name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n")

    async def nothing(store: SqlStore) -> None:
        """Leave the database as it is made."""

    with_store(file, nothing)
    assert "There has been no incident." in run(file, "list", "--all").output


def test_a_story_is_shown(file: Path) -> None:
    shown = run(file, "show", "INC-1")
    assert "Acknowledged" in shown.output
    assert json.loads(run(file, "show", "INC-1", "--json").output)["state"] == "resolved"


def test_what_the_receiver_got_is_shown_as_it_came(file: Path) -> None:
    alert = webhook_alert("DiskFull", "P1", alert_group="disk") | {"newer": "[red]\x1b[31m"}

    async def come_in(store: SqlStore) -> None:
        receiver = RecordingReceiver()
        async with client(receiver) as http:
            await http.post(PATH, content=json.dumps(payload(alert)), headers=GOOD)
        await apply(store, receiver.events, 9000)

    with_store(file, come_in)

    said = json.loads(run(file, "show", "INC-3", "--raw", "--json").output)
    assert [one["raw"] for one in said["events"]] == [alert]
    assert said["events"][0]["received_at"] == at(9000).isoformat()
    shown = run(file, "show", "INC-3", "--raw").output
    assert '"generatorURL"' in shown
    assert "[red]" in shown
    assert "\x1b" not in shown
    assert "generatorURL" not in run(file, "show", "INC-3").output


@pytest.mark.parametrize("incident", ["INC-1", "INC-2"])
def test_a_replay_decides_as_then(file: Path, incident: str) -> None:
    shown = run(file, "replay", incident)
    assert shown.exit_code == 0, shown.output
    assert "decided as then" in shown.output


def test_a_replay_says_where_it_comes_out_otherwise(file: Path) -> None:
    async def forge(store: SqlStore) -> None:
        async with store.database.write() as connection:
            await connection.execute(
                text("UPDATE events SET reason = 'joined' WHERE kind = 'acknowledged'")
            )
            await connection.execute(
                text("DELETE FROM notifications WHERE incident_id = 'INC-1' AND channel = 'slack'")
            )

    with_store(file, forge)
    shown = run(file, "replay", "INC-1", "--json")
    assert shown.exit_code == 1
    found = json.loads(shown.output)
    assert not found["same"]
    (difference,) = found["differences"]
    assert difference["then"].startswith("joined ")
    assert difference["now"].startswith("acknowledged ")
    assert found["missing"]
    assert "decided otherwise" in run(file, "replay", "INC-1").output


@pytest.mark.parametrize("typed", ["1", "inc-1", "INC-1"])
def test_an_incident_is_found_by_its_number_alone(file: Path, typed: str) -> None:
    assert json.loads(run(file, "show", typed, "--json").output)["id"] == "INC-1"
    assert json.loads(run(file, "replay", typed, "--json").output)["id"] == "INC-1"


def test_an_unknown_incident_says_so(file: Path) -> None:
    for command in ("show", "replay"):
        shown = run(file, command, "INC-9")
        assert shown.exit_code == 1
        assert "there is no incident INC-9" in shown.output
