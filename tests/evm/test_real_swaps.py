"""The formula of constant product gives what real routers received in real blocks."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dexwatch.market.pools import amount_out, price_impact

DATA = Path(__file__).parents[3] / "shared" / "data" / "mev" / "blocks"
SWAP_EXACT_ETH = "0x7ff36ab5"
GET_RESERVES, PAIR_SWAP = "0x0902f1ac", "0x022c0d9f"
UNISWAP_FEE_BPS = 30


def _words(text: str, skip: int) -> list[int]:
    raw = text[skip:]
    return [int(raw[at : at + 64], 16) for at in range(0, len(raw) - 63, 64)]


def _exact_sales(traces: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    """Return (in, reserve in, reserve out, out) of first hops that sell an exact amount of ETH."""
    found = []
    by_transaction: dict[str, list[dict[str, Any]]] = {}
    for trace in traces:
        if trace.get("type") == "call" and not trace.get("error") and trace.get("result"):
            by_transaction.setdefault(trace["transaction_hash"], []).append(trace)
    for calls in by_transaction.values():
        root = calls[0]["action"]
        if not root["input"].startswith(SWAP_EXACT_ETH):
            continue
        reserves = next((c for c in calls if c["action"]["input"] == GET_RESERVES), None)
        swap = next((c for c in calls if c["action"]["input"].startswith(PAIR_SWAP)), None)
        if reserves is None or swap is None or swap["action"]["to"] != reserves["action"]["to"]:
            continue
        reserve0, reserve1, _ = _words(reserves["result"]["output"], 2)
        out0, out1 = _words(swap["action"]["input"], 10)[:2]
        sides = (reserve1, reserve0, out0) if out0 else (reserve0, reserve1, out1)
        found.append((int(root["value"], 16), *sides))
    return found


@pytest.mark.skipif(not DATA.is_dir(), reason="the real blocks are not here")
def test_real_sales_follow_the_formula() -> None:
    sales = []
    for path in sorted(DATA.glob("*.json.gz")):
        sales += _exact_sales(json.loads(gzip.decompress(path.read_bytes()))["traces"])
    assert len(sales) >= 10
    for amount, reserve_in, reserve_out, out in sales:
        assert amount_out(amount, reserve_in, reserve_out, UNISWAP_FEE_BPS) == out
        assert 0 < price_impact(amount, reserve_in, UNISWAP_FEE_BPS) < 1
