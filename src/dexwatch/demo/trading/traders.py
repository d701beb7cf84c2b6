"""Send what the population plans, block by block; and floods for measuring."""

import asyncio
from collections.abc import Sequence
from random import Random

import httpx
import structlog

from dexwatch.demo.chain.rpc import Rpc, RpcError, encode_call
from dexwatch.demo.node.heads import Head, Heads
from dexwatch.demo.trading.population import GWEI_TENTH, Mood, Order, Population
from dexwatch.demo.trading.quotes import Quotes, read_quotes

SILENCE_SECONDS = 10.0
"""Without a head for so long something is wrong with anvil; it is logged and waited on."""
MOST_BLOCKS = 6
"""So many blocks are caught up at once, at most."""

log = structlog.get_logger(__name__)


class Sender:
    """Sends orders of unlocked accounts and keeps their nonces."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}
        self.sent = 0
        self.refused = 0

    async def send(self, orders: Sequence[Order]) -> list[str | None]:
        """Send all in one batch; None stands for an order that the node refused."""
        await self._learn({order.sender for order in orders})
        calls = []
        for order in orders:
            nonce = self._nonces[order.sender]
            self._nonces[order.sender] += 1
            transaction = {
                "from": order.sender,
                "to": order.to,
                "data": order.data,
                "gas": hex(order.gas),
                "gasPrice": hex(order.gas_price),
                "nonce": hex(nonce),
            }
            calls.append(("eth_sendTransaction", [transaction]))
        hashes: list[str | None] = []
        for order, answer in zip(orders, await self._rpc.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                # A hole in the nonces would hold back all that follows: ask the node again.
                self._nonces.pop(order.sender, None)
                self.refused += 1
                log.warning("sample_order_refused", reason=answer.message)
            self.sent += 1
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
    """The population at work. `mood` is what scenarios change."""

    def __init__(self, rpc: Rpc, heads: Heads, population: Population) -> None:
        self.population, self.mood = population, Mood()
        self.market: Quotes | None = None
        self.errors = 0
        self.sender = Sender(rpc)
        self.load_per_block = 0
        """Extra cheap transactions a block, see `Load`."""
        self._rpc, self._heads = rpc, heads
        self._arrived = asyncio.Event()
        self._planned = 0
        self._load_random = Random(population.seed)

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
            RuntimeError: the node refused it, or no block has been seen yet.
        """
        market = self.market or await read_quotes(self._rpc, self.population.deployment)
        if market is None:
            raise RuntimeError("the whale cannot trade: the sample's chain does not answer")
        state, whale = market.pools["WBNB/USDT"], self.population.accounts.whale
        # Buying and selling in turn brings the price back when it is done twice.
        sells = state.price > market.pools["WBNB/USDT-V3"].price
        order = self.population.swap(
            whale, state, usd, sells_token0=sells, market=market, tolerance=0.5
        )
        [sent] = await self.sender.send([order])
        if sent is None:
            raise RuntimeError("the sample's chain refused the whale's trade; see its log")
        return sent

    async def _block(self) -> None:
        head = self._heads.newest
        market = await read_quotes(self._rpc, self.population.deployment)
        if head is None or market is None:
            return
        self.market = market
        # On a busy machine heads come in bunches; who skipped them would trade too little.
        first = max(self._planned + 1, head.number - MOST_BLOCKS + 1)
        blocks = range(first, head.number + 1)
        self._planned = head.number
        orders = [o for n in blocks for o in self.population.plan(n, market, self.mood)]
        if self.load_per_block:
            orders += load_orders(self.population, market, self.load_per_block, self._load_random)
        if orders:
            await self.sender.send(orders)

    def _note(self, _: Head) -> None:
        self._arrived.set()


class Load:
    """Floods the chain while entered: `transactions_per_block` beside the normal trade."""

    def __init__(self, traders: Traders, transactions_per_block: int) -> None:
        if not 0 < transactions_per_block <= 400:
            raise ValueError("transactions_per_block must be between 1 and 400")
        self._traders, self._count = traders, transactions_per_block

    def __enter__(self) -> "Load":
        self._traders.load_per_block = self._count
        return self

    def __exit__(self, *exception: object) -> None:
        self._traders.load_per_block = 0


def load_orders(population: Population, market: Quotes, count: int, random: Random) -> list[Order]:
    """Return cheap transactions: three transfers for one swap, spread over the load accounts."""
    accounts = population.accounts.load
    usdt = population.deployment.tokens["USDT"].address
    pools = list(market.pools.values())
    transfer = encode_call("transfer(address,uint256)", accounts[0], 10**18)
    orders = []
    for index in range(count):
        sender = accounts[index % len(accounts)]
        if index % 4:
            orders.append(Order(sender, usdt, transfer, GWEI_TENTH, 100_000))
        else:
            orders.append(
                population.swap(
                    sender,
                    pools[index // 4 % len(pools)],
                    random.uniform(20, 200),
                    sells_token0=random.random() < 0.5,
                    market=market,
                    tolerance=0.5,
                )
            )
    return orders
