"""What `dexwatch scenario` says of what the running sample answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from dexwatch.cli import app
from dexwatch.clock import monotonic
from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.control import ScenarioRunner, control_api
from dexwatch.demo.scenarios import Scenario, ScenarioContext
from dexwatch.demo.trading.traders import Traders
from tests.fakes.command_line import run


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Path]:
    """The folder of a running sample that has two scenarios."""

    async def fault(_: ScenarioContext, active: bool) -> None:
        assert isinstance(active, bool)

    found = Scenario(
        "db-slow", "Slow database", "Queries wait.", ("DatabaseSlow",), fault, also=("TargetDown",)
    )
    gas = Scenario("gas-spike", "Dear gas", "It is dear.", ("GasPriceHigh",), fault)
    context = ScenarioContext(cast("ChainHandle", None), cast("Traders", None), None)
    runner = ScenarioRunner(context, (found, gas))
    runner.watched_since = monotonic()
    async with control_api(runner, "sample-token", 0) as server:
        (tmp_path / "control.url").write_text(server.url)
        (tmp_path / "control.token").write_text("sample-token")
        yield tmp_path
    await runner.close()


async def said(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command in a thread, so that the sample can answer."""
    command = ["scenario", *arguments, "--folder", str(folder)]
    ended = await asyncio.to_thread(run, app, command)
    # The sample is this very process here, and its log is not what is looked at.
    lines = [line for line in ended.output.splitlines() if "sample_scenario" not in line]
    return ended.exit_code, " ".join(" ".join(lines).split())


async def test_what_was_not_active_is_not_said_to_be_lifted(sample: Path) -> None:
    assert await said(sample, "db-slow", "--stop") == (0, "! db-slow was not active")
    await said(sample, "db-slow")
    assert await said(sample, "db-slow", "--stop") == (0, "✓ db-slow is lifted")


async def test_what_may_follow_is_told_too(sample: Path) -> None:
    _, words = await said(sample, "db-slow")
    assert words.endswith("raises DatabaseSlow may also raise TargetDown")


async def test_a_scenario_that_waits_says_when_it_begins_and_why(sample: Path) -> None:
    status, words = await said(sample, "gas-spike")
    assert status == 0
    assert re.search(r"begins in [12]\d s, when enough of what is usual was seen", words)
    assert "begins" not in (await said(sample, "db-slow"))[1]


async def test_a_wrong_length_is_answered_with_a_word_on_the_length(sample: Path) -> None:
    for seconds in ("0", "-1", "nan", "4000"):
        status, words = await said(sample, "db-slow", "--seconds", seconds)
        assert status == 2
        assert words.startswith("✗ seconds must lie between 0 and 3600 ")
        assert "--seconds" in words
        assert "without a name" not in words


async def test_a_mistyped_name_is_answered_with_the_nearest(sample: Path) -> None:
    status, words = await said(sample, "db-slwo")
    assert status == 2
    assert "Did you mean 'db-slow'?" in words
    assert "without a name lists all" in words
