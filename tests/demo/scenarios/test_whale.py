"""The whale goes on trading whatever one of its trades meets."""

import asyncio
from typing import cast

import httpx
import pytest

from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.scenarios import SCENARIOS, ScenarioContext, chain
from dexwatch.demo.trading.traders import Traders


class Refused:
    """Traders whose first two trades fail, as on a chain that was busy for a moment."""

    def __init__(self) -> None:
        self.failures: list[Exception] = [httpx.ReadTimeout("late"), RuntimeError("refused")]
        self.traded = asyncio.Event()

    async def whale(self, usd: float) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.traded.set()
        return "0x"


async def test_a_trade_that_fails_ends_neither_the_whale_nor_its_mending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chain, "WHALE_SECONDS", 0.0)
    traders = Refused()
    context = ScenarioContext(cast("ChainHandle", None), cast("Traders", traders), None)
    [whale] = [scenario for scenario in SCENARIOS if scenario.name == "whale-trade"]
    await whale.fault(context, True)
    async with asyncio.timeout(5):
        await traders.traded.wait()
    await whale.fault(context, False)
    assert context.running == {}
