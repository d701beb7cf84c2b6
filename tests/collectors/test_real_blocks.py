"""Real mainnet swaps of tokens with 6 and 18 decimals, against arithmetic of the test's own."""

import gzip
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dexwatch.evm import topics
from dexwatch.metrics import exchange
from tests.fakes import pools as fake
from tests.fakes.bench import Bench

DATA = Path(__file__).parents[3] / "shared" / "data" / "mev" / "blocks"
USDC_WETH = "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc"
WETH_USDT = "0x0d4a11d5eeaac28ec3f61d100daf4d40471f1852"
NAMES = {USDC_WETH: "USDC/WETH", WETH_USDT: "WETH/USDT"}
DEX = {
    "tokens": [
        {
            "symbol": "USDC",
            "address": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
            "decimals": 6,
            "usd": 1,
        },
        {
            "symbol": "USDT",
            "address": "0xdac17f958d2ee523a2206206994597c13d831ec7",
            "decimals": 6,
            "usd": 1,
        },
        {"symbol": "WETH", "address": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"},
    ],
    "pools": [
        {"name": name, "address": pair, "token0": name[:4], "token1": name[5:], "fee_bps": 30}
        for pair, name in NAMES.items()
    ],
    "contracts": [],
}
GET_RESERVES, SWAP, BALANCE_OF = "0x0902f1ac", "0x022c0d9f", "0x70a08231"


@dataclass
class Expected:
    """Sums by hand, in whole dollars."""

    swaps: int = 0
    usd: Decimal = Decimal(0)
    tvl: dict[str, Decimal] = field(default_factory=dict)


def _words(text: str) -> list[int]:
    return [int(text[at : at + 64], 16) for at in range(0, len(text) - 63, 64)]


def _receipts(block: dict[str, Any], expected: Expected) -> list[dict[str, Any]]:
    """Rebuild the two pairs' events from call traces: `Sync` and `Swap` by transaction."""
    reserves: dict[str, list[int]] = {}
    logs: dict[str, list[dict[str, Any]]] = {}
    traces = block["traces"]
    for place, trace in enumerate(traces):
        action, result = trace.get("action") or {}, trace.get("result") or {}
        text, pair = action.get("input") or "", action.get("to")
        if trace.get("error") or pair not in NAMES:
            continue
        if text.startswith(GET_RESERVES) and len(result.get("output") or "") >= 194:
            reserves[pair] = _words(result["output"][2:])[:2]
        if text.startswith(SWAP) and pair in reserves:
            after = _balances(traces[place + 1 :], trace, pair)
            out0, out1 = _words(text[10:])[:2]
            in0, in1 = (
                max(now - before + out, 0)
                for now, before, out in zip(after, reserves[pair], (out0, out1), strict=True)
            )
            reserves[pair] = after
            emitted = logs.setdefault(trace["transaction_hash"], [])
            emitted.append(fake.log(pair, topics.V2_SYNC, [], ["uint112"] * 2, *after))
            amounts = in0, in1, out0, out1
            who = [fake.ANA, fake.ANA]
            emitted.append(fake.log(pair, topics.V2_SWAP, who, ["uint256"] * 4, *amounts))
            dollars = abs(in0 - out0) if pair == USDC_WETH else abs(in1 - out1)
            expected.swaps += 1
            expected.usd += Decimal(dollars) / 10**6
            expected.tvl[pair] = 2 * Decimal(after[pair == WETH_USDT]) / 10**6
    return [{"logs": found} for found in logs.values()]


def _balances(later: list[dict[str, Any]], swap: dict[str, Any], pair: str) -> list[int]:
    here = swap["trace_address"]
    found = [
        int(trace["result"]["output"], 16)
        for trace in later
        if trace["transaction_hash"] == swap["transaction_hash"]
        and trace["trace_address"][: len(here)] == here
        and len(trace["trace_address"]) == len(here) + 1
        and (trace["action"].get("input") or "").startswith(BALANCE_OF)
        and trace["action"]["input"][-40:] == pair[2:]
    ]
    return found[-2:]


@pytest.mark.skipif(not DATA.is_dir(), reason="the real blocks are not here")
def test_ten_real_blocks_come_to_the_same_swaps_dollars_and_tvl() -> None:
    bench, expected = Bench(**DEX), Expected()
    for path in sorted(DATA.glob("*.json.gz")):
        bench.block(*_receipts(json.loads(gzip.decompress(path.read_bytes())), expected))
    assert expected.swaps >= 10
    volume = sum(bench.value(exchange.volume_usd, pool=name) for name in NAMES.values())
    assert sum(bench.value(exchange.swaps, pool=n) for n in NAMES.values()) == expected.swaps
    assert volume == pytest.approx(float(expected.usd), abs=0.01)
    for pair, tvl in expected.tvl.items():
        assert bench.value(exchange.tvl_usd, pool=NAMES[pair]) == pytest.approx(float(tvl))
