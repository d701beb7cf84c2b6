"""Send what the population plans, block by block."""

import asyncio
from collections.abc import Sequence

import httpx
import structlog

from dexwatch.demo.chain.rpc import Rpc, RpcError
from dexwatch.demo.chain.transactions import Transaction
from dexwatch.demo.node.heads import Head, Heads
from dexwatch.demo.trading.population import Population, TraderBehaviour
from dexwatch.demo.trading.quotes import Quotes, read_quotes

SILENCE_SECONDS = 10.0
"""Without a head for so long something is wrong with anvil; it is logged and waited on."""
MOST_BLOCKS = 6
"""The most blocks that are caught up at once."""

log = structlog.get_logger(__name__)


class Sender:
    """Sends transactions of unlocked accounts and keeps their nonces."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}

    async def send(self, transactions: Sequence[Transaction]) -> list[str | None]:
        """Send all in one batch; None stands for one that the node refused."""
        await self._learn({tx.sender for tx in transactions})
        calls = []
        for tx in transactions:
            calls.append(("eth_sendTransaction", [tx.fields(self._nonces[tx.sender])]))
            self._nonces[tx.sender] += 1
        hashes: list[str | None] = []
        for tx, answer in zip(transactions, await self._rpc.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                # A missing nonce would block all later transactions: ask the node again.
                self._nonces.pop(tx.sender, None)
                log.warning("sample_transaction_refused", reason=answer.message)
            hashes.append(None if isinstance(answer, RpcError) else str(answer))
        return hashes

    def forget(self) -> None:
        """Ask the node for all nonces again, as after a lost answer."""
        self._nonces.clear()

    async def _learn(self, senders: set[str]) -> None:
        unknown = sorted(senders - self._nonces.keys())
        if not unknown:
            return
        asked = [("eth_getTransactionCount", [sender, "pending"]) for sender in unknown]
        for sender, answer in zip(unknown, await self._rpc.batch(asked), strict=True):
            if isinstance(answer, RpcError):
                raise answer
            self._nonces[sender] = int(answer, 16)


class Traders:
    """Sends what the population plans for each block; scenarios change `behaviour`."""

    def __init__(self, rpc: Rpc, heads: Heads, population: Population) -> None:
        self.population, self.behaviour = population, TraderBehaviour()
        self.market: Quotes | None = None
        self.errors = 0
        self.sender = Sender(rpc)
        self._rpc, self._heads = rpc, heads
        self._arrived = asyncio.Event()
        self._planned = 0

    async def run(self) -> None:
        """Trade until cancelled; an error costs one block."""
        self._heads.listeners.append(self._note)
        try:
            while True:
                try:
                    await asyncio.wait_for(self._arrived.wait(), SILENCE_SECONDS)
                    self._arrived.clear()
                    await self._block()
                except TimeoutError:
                    log.warning("sample_traders_see_no_head", seconds=SILENCE_SECONDS)
                except (httpx.HTTPError, RpcError) as error:
                    self.errors += 1
                    self.sender.forget()
                    log.warning("sample_traders_failed", error=str(error), errors=self.errors)
        finally:
            self._heads.listeners.remove(self._note)

    async def whale(self, usd: float) -> str:
        """Swap once for about `usd` dollars on WBNB/USDT; return the transaction's hash.

        Raises:
            RuntimeError: the node refused it or, before the first block, does not answer.
        """
        market = self.market or await read_quotes(self._rpc, self.population.deployment)
        state, whale = market.pools["WBNB/USDT"], self.population.accounts.whale
        # Buying and selling in turn brings the price back when it is done twice.
        sells = state.price > market.pools["WBNB/USDT-V3"].price
        tx = self.population.swap(
            whale, state, usd, sells_token0=sells, market=market, tolerance=0.5
        )
        [sent] = await self.sender.send([tx])
        if sent is None:
            raise RuntimeError("the sample's chain refused the whale's trade; see its log")
        return sent

    async def _block(self) -> None:
        head = self._heads.newest
        if head is None:
            return
        self.market = market = await read_quotes(self._rpc, self.population.deployment)
        # On a busy machine several heads come at once; to skip some would be too little trade.
        first = max(self._planned + 1, head.number - MOST_BLOCKS + 1)
        blocks = range(first, head.number + 1)
        self._planned = head.number
        transactions = [o for n in blocks for o in self.population.plan(n, market, self.behaviour)]
        if transactions:
            await self.sender.send(transactions)

    def _note(self, _: Head) -> None:
        self._arrived.set()
