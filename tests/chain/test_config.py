"""Mistakes in the configuration are refused with words that say how to write it."""

from typing import Any

import pytest
from pydantic import ValidationError

from dexwatch.chain.config import ChainConfig
from dexwatch.clients.config import QueryConfig
from dexwatch.market.config import ContractConfig, DexConfig, PoolConfig, ViewConfig, trade_layout

A = "0x" + "Aa" * 20


def test_addresses_are_kept_in_lower_case() -> None:
    assert PoolConfig(name="p", address=A, token0="X", token1="Y").address == A.lower()


def test_the_event_of_a_trade_is_laid_out_by_its_declaration() -> None:
    signature, places, words, indexed = trade_layout(
        "event Traded(address indexed user, address tokenIn, uint amount_out,"
        " address indexed pool, uint256 quotedOut);"
    )
    assert signature == "Traded(address,address,uint256,address,uint256)"
    assert (places["pool"], places["amountout"], places["quotedout"]) == (1, 3, 4)
    assert (words, indexed) == (3, 2)


@pytest.mark.parametrize(
    ("kind", "record", "hint"),
    [
        (PoolConfig, {"name": "p", "address": "0x1", "token0": "X", "token1": "Y"}, "40 hex"),
        (ContractConfig, {"name": "c", "address": A, "methods": ["swap"]}, "write it like"),
        (ContractConfig, {"name": "c", "address": A, "trade_event": "T(address pool)"}, "missing"),
        (ContractConfig, {"name": "c", "address": A, "trade_event": "T(tuple x)"}, "is not"),
        (ContractConfig, {"name": "c", "address": A, "pauseable": True}, "pauseable"),
        (ViewConfig, {"name": "v", "signature": "fee()"}, "feeBps"),
        (QueryConfig, {"metric": "business_nothing", "sql": "select 1"}, "known:"),
        (ChainConfig, {"endpoints": []}, "endpoints"),
        (ChainConfig, {"endpoints": [{"name": "a", "http": "localhost:1"}]}, "http://"),
        (
            ChainConfig,
            {"endpoints": [{"name": "a", "http": "http://x"}, {"name": "a", "http": "http://y"}]},
            "twice",
        ),
        (
            DexConfig,
            {"pools": [{"name": "p", "address": A, "token0": "X", "token1": "Y"}]},
            "not listed",
        ),
    ],
)
def test_a_mistake_says_how_to_write_it(kind: Any, record: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        kind.model_validate(record)
