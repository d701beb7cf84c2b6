"""Logs and receipts of a small exchange for the fake node: one V2 pair, one V3 pool, one router."""

from typing import Any

from eth_abi.abi import encode

from dexwatch.chain.calls import topic
from dexwatch.evm import topics
from dexwatch.market.config import DexConfig

BNB, USDT = "0x" + "b0" * 20, "0x" + "d0" * 20
PAIR, POOL, ROUTER = "0x" + "a1" * 20, "0x" + "a3" * 20, "0x" + "c0" * 20
ANA = "0x" + "0a" * 20
UNIT = 10**18
TRADED = (
    "Traded(address indexed user, address indexed pool, address tokenIn, uint256 amountIn,"
    " uint256 amountOut, uint256 quotedOut, uint256 minOut)"
)


def dex(**options: Any) -> DexConfig:
    """Return the configuration of the exchange."""
    return DexConfig.model_validate(
        {
            "high_value_usd": 50_000,
            "tokens": [
                {"symbol": "WBNB", "address": BNB},
                {"symbol": "USDT", "address": USDT, "usd": 1.0},
            ],
            "pools": [
                {
                    "name": "WBNB/USDT",
                    "address": PAIR,
                    "token0": "WBNB",
                    "token1": "USDT",
                    "entry_price": 600,
                },
                {
                    "name": "V3",
                    "kind": "v3",
                    "address": POOL,
                    "token0": "WBNB",
                    "token1": "USDT",
                    "fee_bps": 5,
                },
            ],
            "contracts": [
                {
                    "name": "router",
                    "address": ROUTER,
                    "kind": "router",
                    "methods": ["swap(address)"],
                    "pausable": True,
                    "trade_event": TRADED,
                    "events": ["FeeChanged(uint256,uint256)"],
                    "views": [{"name": "fee", "signature": "feeBps()(uint256)", "decimals": 2}],
                }
            ],
            **options,
        }
    )


def log(address: str, topic0: str, indexed: list[str], kinds: list[str], *values: Any) -> dict:
    """Return a log; indexed arguments are addresses."""
    words = ["0x" + "00" * 12 + text[2:] for text in indexed]
    data = "0x" + encode(kinds, values).hex()
    return {"address": address, "topics": [topic0, *words], "data": data, "logIndex": "0x0"}


def sync(bnb: int, usdt: int) -> dict:
    """Return the pair's `Sync`, reserves in whole tokens."""
    return log(PAIR, topics.V2_SYNC, [], ["uint112"] * 2, bnb * UNIT, usdt * UNIT)


def sale(bnb: float, usdt: float) -> dict:
    """Return the pair's `Swap` of WBNB against USDT, whole tokens."""
    amounts = int(bnb * UNIT), 0, 0, int(usdt * UNIT)
    return log(PAIR, topics.V2_SWAP, [ANA, ANA], ["uint256"] * 4, *amounts)


def traded(received: int, quoted: int) -> dict:
    """Return the router's own event."""
    kinds = ["address", "uint256", "uint256", "uint256", "uint256"]
    return log(ROUTER, topic_of_trade(), [ANA, PAIR], kinds, BNB, UNIT, received, quoted, received)


def topic_of_trade() -> str:
    """Return the topic of the router's event."""
    return topic("Traded(address,address,address,uint256,uint256,uint256,uint256)")


def lp_transfer(sender: str, recipient: str, amount: int) -> dict:
    """Return a transfer of the pair's own token."""
    return log(PAIR, topics.TRANSFER, [sender, recipient], ["uint256"], amount)
