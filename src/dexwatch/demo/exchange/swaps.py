"""How the exchange uses the chain: quotes, and swaps through its router."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dexwatch.demo.chain.handle import Deployment
from dexwatch.demo.chain.rpc import Rpc, decode_output, event_topic
from dexwatch.demo.chain.transactions import call
from dexwatch.demo.trading.quotes import Quotes, read_quotes

BPS = 10_000
PLATFORM_FEE_BPS = 5
SLIPPAGE_BPS = 100
"""How much less than quoted a trade may bring before it is reverted."""

RECEIPT_SECONDS = 20.0
_POLL_SECONDS = 0.15
_SWAP = "swapV2(address,address,uint256,uint256,uint256,address)"
_TRADED = "Traded(address,address,address,uint256,uint256,uint256,uint256)"

Side = Literal["buy", "sell"]


@dataclass(frozen=True)
class Quote:
    """What an amount would bring now; amounts are in the tokens' smallest units."""

    pair: str
    token_in: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True)
class SwapResult:
    """A swap whose receipt has come; times are seconds."""

    transaction_hash: str
    success: bool
    amount_out: int
    confirmation_seconds: float


class SwapClient:
    """Quotes from V2 pairs, and swaps sent from the platform's hot wallets."""

    def __init__(self, rpc: str, deployment: Deployment) -> None:
        self._deployment = deployment
        self._rpc = Rpc(rpc, timeout_seconds=5.0)
        self._pools = {n: pool for n, pool in deployment.pools.items() if pool.kind == "v2"}
        self._accounts = itertools.cycle(deployment.hot_wallets)
        self._fee_bps: int | None = None

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of the pairs that can be traded."""
        return tuple(self._pools)

    async def close(self) -> None:
        """Give the connections back."""
        await self._rpc.close()

    async def head(self) -> int:
        """Return the number of the newest block."""
        return int(await self._rpc.call("eth_blockNumber"), 16)

    async def quotes(self) -> Quotes:
        """Return the state of all pools.

        Raises:
            RpcError: the node does not answer all of it.
        """
        return await read_quotes(self._rpc, self._deployment)

    async def quote(self, pair: str, side: Side, usd: float) -> Quote:
        """Return what `usd` dollars' worth brings; "buy" buys token0, "sell" sells it.

        Raises:
            KeyError: there is no such pair.
        """
        pool, quotes = self._pools[pair], await self.quotes()
        sells = side == "sell"
        token_in = pool.token0 if sells else pool.token1
        decimals = self._deployment.tokens[token_in].decimals
        amount_in = int(usd / quotes.usd(token_in) * 10**decimals)
        paid = amount_in * (1 - await self._router_fee() / BPS)
        amount_out = int(quotes.pools[pair].quote(paid, sells_token0=sells))
        return Quote(pair, token_in, amount_in, amount_out)

    async def trade(self, quote: Quote, submitted: Callable[[], object]) -> SwapResult:
        """Send a trade and wait for its receipt; `submitted` is called when the node took it.

        Raises:
            RpcError: the node refused the transaction.
            TimeoutError: there was no receipt within RECEIPT_SECONDS.
        """
        account = next(self._accounts)
        least = quote.amount_out * (BPS - SLIPPAGE_BPS) // BPS
        sent = call(
            account,
            self._deployment.router,
            _SWAP,
            self._pools[quote.pair].address,
            self._deployment.tokens[quote.token_in].address,
            quote.amount_in,
            quote.amount_out,
            least,
            account,
        )
        started = time.monotonic()
        transaction_hash = str(await self._rpc.call("eth_sendTransaction", sent.fields()))
        submitted()
        async with asyncio.timeout(RECEIPT_SECONDS):
            receipt = await self._receipt(transaction_hash)
        return SwapResult(
            transaction_hash=transaction_hash,
            success=receipt["status"] == "0x1",
            amount_out=_amount_out(receipt),
            confirmation_seconds=time.monotonic() - started,
        )

    async def _receipt(self, transaction_hash: str) -> Mapping[str, Any]:
        while True:
            receipt = await self._rpc.call("eth_getTransactionReceipt", transaction_hash)
            if receipt is not None:
                return dict(receipt)
            await asyncio.sleep(_POLL_SECONDS)

    async def _router_fee(self) -> int:
        if self._fee_bps is None:
            (fee,) = await self._rpc.view(self._deployment.router, "feeBps()(uint256)")
            self._fee_bps = int(fee)
        return self._fee_bps


def _amount_out(receipt: Mapping[str, Any]) -> int:
    for entry in receipt.get("logs", ()):
        if entry["topics"][0] == event_topic(_TRADED):
            words = decode_output("address,uint256,uint256,uint256,uint256", entry["data"])
            return int(words[2])
    return 0
