"""The sample's control API: only with the token, only known scenarios, each ended in time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import httpx
import pytest_asyncio

from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.control import ScenarioRunner, control_api
from dexwatch.demo.scenarios import Scenario, ScenarioContext
from dexwatch.demo.trading.traders import Traders

TOKEN = "sample-token"


class Diary:
    """What two scenarios did."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.breaks = False

    def scenario(self, name: str) -> Scenario:
        async def fault(_: ScenarioContext, active: bool) -> None:
            self.lines.append(f"{'start' if active else 'stop'} {name}")
            if active and self.breaks:
                raise OSError("the disk is full")

        return Scenario(name, name, f"{name} breaks.", ("CpuHigh",), fault)


@pytest_asyncio.fixture
async def control(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Diary]]:
    diary = Diary()
    context = ScenarioContext(
        tmp_path, cast("ChainHandle", None), cast("Traders", None), None, None
    )  # type: ignore[arg-type]
    runner = ScenarioRunner(context, (diary.scenario("one"), diary.scenario("two")))
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
    assert [(row["name"], row["state"]) for row in rows] == [("one", "idle"), ("two", "active")]
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
