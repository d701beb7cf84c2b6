"""The sample's control API: only with the token, only known scenarios, each ended in time."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest_asyncio
from structlog.testing import capture_logs

from dexwatch.clock import monotonic
from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.control import ScenarioRunner, control_api
from dexwatch.demo.scenarios import Scenario, ScenarioContext
from dexwatch.demo.scenarios.scenario import USUAL_SECONDS
from dexwatch.demo.trading.traders import Traders
from tests.fakes.patience import until

TOKEN = "sample-token"


class Diary:
    """What two scenarios did."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.breaks = False
        self.may_stop = asyncio.Event()
        self.may_stop.set()
        self.runner = cast("ScenarioRunner", None)

    def scenario(self, name: str, *raises: str) -> Scenario:
        async def fault(_: ScenarioContext, active: bool) -> None:
            self.lines.append(f"{'start' if active else 'stop'} {name}")
            if active and self.breaks:
                raise OSError("the disk is full")
            if not active:
                await self.may_stop.wait()

        return Scenario(name, name, f"{name} breaks.", raises, fault)


@pytest_asyncio.fixture
async def control() -> AsyncIterator[tuple[httpx.AsyncClient, Diary]]:
    diary = Diary()
    context = ScenarioContext(cast("ChainHandle", None), cast("Traders", None), None)
    scenarios = (
        diary.scenario("one", "CpuHigh"),
        diary.scenario("two", "CpuHigh"),
        diary.scenario("gas", "GasPriceHigh"),
    )
    runner = diary.runner = ScenarioRunner(context, scenarios)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        control_api(runner, TOKEN, 0) as server,
        httpx.AsyncClient(base_url=server.url, headers=headers) as client,
    ):
        yield client, diary
    await runner.close()


ControlApi = tuple[httpx.AsyncClient, Diary]


async def test_without_the_token_nothing_is_shown_or_done(control: ControlApi) -> None:
    client, diary = control
    for headers in ({"authorization": ""}, {"authorization": "Bearer wrong"}):
        assert (await client.get("/scenarios", headers=headers)).status_code == 401
        assert (await client.post("/scenarios/one/start", headers=headers)).status_code == 401
    assert diary.lines == []


async def test_scenarios_are_listed_with_their_state(control: ControlApi) -> None:
    client, _ = control
    await client.post("/scenarios/two/start")
    rows = (await client.get("/scenarios")).json()
    assert {row["name"]: row["state"] for row in rows} == {
        "one": "idle",
        "two": "active",
        "gas": "idle",
    }
    assert rows[0]["raises"] == ["CpuHigh"]


async def test_starting_twice_injects_once_and_stopping_always_removes(control: ControlApi) -> None:
    client, diary = control
    for act in ("start", "start", "stop", "stop"):
        assert (await client.post(f"/scenarios/one/{act}")).status_code == 200
    assert diary.lines == ["start one", "stop one", "stop one"]


async def test_a_scenario_with_a_length_ends_by_itself(control: ControlApi) -> None:
    client, diary = control
    assert (await client.post("/scenarios/one/start?seconds=0.1")).status_code == 200
    async with asyncio.timeout(5):
        while "stop one" not in diary.lines:
            await asyncio.sleep(0.02)


async def test_what_is_judged_against_the_usual_waits_until_that_was_seen(
    control: ControlApi,
) -> None:
    client, diary = control
    diary.runner.watched_since = monotonic()
    row = (await client.post("/scenarios/gas/start?seconds=60")).json()
    assert row["state"] == "active"
    assert 0 < row["begins_in"] <= USUAL_SECONDS["GasPriceHigh"]
    assert (await client.post("/scenarios/one/start")).json()["begins_in"] == 0
    assert diary.lines == ["start one"]
    assert (await client.post("/scenarios/gas/stop")).json()["was_active"]
    assert (await client.get("/scenarios")).json()[2]["begins_in"] == 0


async def test_a_scenario_that_waits_begins_by_itself_and_once(control: ControlApi) -> None:
    client, diary = control
    diary.runner.watched_since = monotonic() - USUAL_SECONDS["GasPriceHigh"] + 0.3
    for _ in range(2):
        await client.post("/scenarios/gas/start?seconds=0.1")
    await until(lambda: "stop gas" in diary.lines)
    assert diary.lines == ["start gas", "stop gas"]


async def test_a_start_while_the_scenario_ends_breaks_it_anew(control: ControlApi) -> None:
    client, diary = control
    diary.may_stop.clear()
    await client.post("/scenarios/one/start?seconds=0.01")
    await until(lambda: "stop one" in diary.lines)
    again = asyncio.create_task(client.post("/scenarios/one/start"))
    await asyncio.wait([again], timeout=0.1)
    diary.may_stop.set()
    assert (await again).json()["state"] == "active"
    assert diary.lines == ["start one", "stop one", "start one"]


async def test_an_end_that_fails_is_told(control: ControlApi) -> None:
    client, diary = control

    async def stuck() -> None:
        raise OSError("the disk is full")

    diary.may_stop.wait = stuck  # type: ignore[method-assign, assignment]
    with capture_logs() as told:
        await client.post("/scenarios/one/start?seconds=0.01")
        await until(lambda: any(line["event"] == "sample_scenario_failed" for line in told))
    assert (await client.get("/scenarios")).json()[0]["state"] == "active"


async def test_an_unknown_name_is_answered_with_the_nearest(control: ControlApi) -> None:
    client, _ = control
    answer = await client.post("/scenarios/onne/start")
    assert answer.status_code == 404
    assert answer.json()["error"] == "there is no scenario 'onne'. Did you mean 'one'?"
    answer = await client.post("/scenarios/zzz/start")
    assert answer.json()["error"] == "there is no scenario 'zzz'"


async def test_stopping_tells_whether_there_was_anything_to_stop(control: ControlApi) -> None:
    client, _ = control
    await client.post("/scenarios/one/start")
    told = [(await client.post("/scenarios/one/stop")).json()["was_active"] for _ in range(2)]
    assert told == [True, False]


async def test_an_invalid_duration_is_refused(control: ControlApi) -> None:
    client, diary = control
    for seconds in ("-1", "0", "nan", "inf", "soon", "1e9"):
        answer = await client.post(f"/scenarios/one/start?seconds={seconds}")
        assert answer.status_code == 400, seconds
    assert diary.lines == []


async def test_a_start_that_fails_is_reported_and_can_be_stopped(control: ControlApi) -> None:
    client, diary = control
    diary.breaks = True
    answer = await client.post("/scenarios/one/start")
    assert answer.status_code == 500
    assert "disk is full" in answer.json()["error"]
    assert (await client.get("/scenarios")).json()[0]["state"] == "active"
    assert (await client.post("/scenarios/one/stop")).status_code == 200


async def test_other_paths_and_methods_are_not_found(control: ControlApi) -> None:
    client, _ = control
    for method, path in (("GET", "/"), ("PUT", "/scenarios"), ("POST", "/scenarios/one/burn")):
        assert (await client.request(method, path)).status_code == 404
