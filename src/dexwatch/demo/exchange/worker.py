"""The exchange's job worker; `python -m dexwatch.demo.exchange.worker FILE` runs it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dexwatch.demo.chain.deploy import START_USD
from dexwatch.demo.chain.rpc import RpcError
from dexwatch.demo.exchange.process import ProcessSettings
from dexwatch.demo.exchange.service import Service, serve
from dexwatch.demo.exchange.swaps import BPS, PLATFORM_FEE_BPS, Quote
from dexwatch.demo.trading.quotes import Quotes
from dexwatch_instrument import MetricsPage

FEED = "pools"
_TRADERS = 6
_ROUND_SECONDS = 1.0
_PROVIDER_SECONDS = 0.03
_PAUSE_SECONDS = 0.5
_FORGET_ROUNDS = 600
_log = logging.getLogger("dexwatch.worker")

Job = Mapping[str, Any]


class Worker(Service):
    """Carries out trades, payments, tickets and reports, and refreshes quotes and metrics."""

    def __init__(self, settings: ProcessSettings) -> None:
        super().__init__(settings)
        self._quotes: Quotes | None = None
        self._rounds = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.faults.follow())
            for _ in range(_TRADERS):
                group.create_task(self._consume("trades", self._trade))
            group.create_task(self._consume("payments", self._pay))
            group.create_task(self._consume("tickets", self._ticket))
            group.create_task(self._consume("reports", self._report))
            group.create_task(self._repeat(self._refresh_quotes))
            group.create_task(self._repeat(self._count))
            group.create_task(self._repeat(self._synchronise))

    async def _consume(self, queue: str, work: Callable[[Job], Awaitable[None]]) -> None:
        while True:
            if queue == "reports" and self.faults.now.reports_stuck:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            try:
                job = await self.cache.pop(queue)
            except (RedisError, OSError) as error:
                _log.warning("queue %s is not reachable: %s", queue, error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if job is not None:
                await self._attempt(queue, job, work)

    async def _attempt(self, queue: str, job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
        try:
            # This first touch keeps an outage of the database from being counted as failed jobs.
            await self.store.ping()
            await work(job)
        except (SQLAlchemyError, OSError) as error:
            # The database is away: nothing is lost, the job waits at the front of its queue.
            _log.warning("job of %s put back: %s", queue, type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
            try:
                await self.cache.put_back(queue, job)
            except (RedisError, OSError):
                _log.error("job of %s lost: both stores are away", queue)
        except (RpcError, httpx.HTTPError, TimeoutError, RedisError) as error:
            _log.warning("job of %s failed: %s", queue, type(error).__name__)

    async def _trade(self, job: Job) -> None:
        quote, trade_id = None, int(job["id"])
        waited = max(0.0, time.time() - float(job["at"]))
        try:
            with (
                self.platform.job("trades"),
                self.platform.business("trade") as business,
                self.platform.trade(job["pair"], waited=waited) as trade,
            ):
                quote = await self.swaps.quote(job["pair"], job["side"], float(job["usd"]))
                result = await self.swaps.trade(quote, self.platform.submitted)
                self.platform.confirmed(result.confirmation_seconds)
                if not result.success:
                    trade.outcome, business.outcome = "reverted", "failure"
        except (RpcError, httpx.HTTPError, TimeoutError):
            await self.store.settle_trade(trade_id, "failed", **_known(quote))
            raise
        await self.store.settle_trade(
            trade_id,
            "confirmed" if result.success else "failed",
            transaction_hash=result.transaction_hash,
            amount_out=result.amount_out,
            fee_usd=float(job["usd"]) * PLATFORM_FEE_BPS / BPS,
            **_known(quote),
        )

    async def _pay(self, job: Job) -> None:
        with self.platform.job("payments"), self.platform.business("payment") as business:
            await asyncio.sleep(_PROVIDER_SECONDS)
            broken = self.faults.now.payment_broken
            await self.store.settle_payment(int(job["id"]), "failed" if broken else "settled")
            if broken:
                business.outcome = "failure"
            self.platform.paid(job["kind"], business.outcome)

    async def _ticket(self, job: Job) -> None:
        with self.platform.job("tickets"), self.platform.business("ticket"):
            await self.store.add_ticket(int(job["user"]), str(job["subject"]))

    async def _report(self, _: Job) -> None:
        with self.platform.job("reports"):
            await asyncio.sleep(0)

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (SQLAlchemyError, RedisError, RpcError, httpx.HTTPError, OSError) as error:
                _log.warning("%s failed: %s", work.__name__, type(error).__name__)
            await asyncio.sleep(_ROUND_SECONDS)

    async def _refresh_quotes(self) -> None:
        started = time.monotonic()
        try:
            quotes = await self.swaps.quotes()
        except (RpcError, httpx.HTTPError):
            self.platform.market_connected(FEED, connected=False)
            raise
        old, self._quotes = self._quotes or quotes, quotes
        prices = {pair: quotes.pools[pair].price for pair in self.swaps.pairs}
        off = max(abs(price / old.pools[pair].price - 1) for pair, price in prices.items())
        self.platform.market_connected(FEED, connected=True)
        self.platform.market_update(FEED, latency_seconds=time.monotonic() - started, deviation=off)
        for pair, price in prices.items():
            await self.cache.set_quote(pair, {"pair": pair, "price": price})

    async def _count(self) -> None:
        for queue, depth in (await self.cache.depths()).items():
            self.platform.queued(queue, depth)
        self.platform.sessions(await self.store.open_sessions())
        self._rounds += 1
        if self._rounds % _FORGET_ROUNDS == 0:
            await self.store.forget()

    async def _synchronise(self) -> None:
        block = await self.swaps.head()
        lag = self.faults.now.sync_lag_seconds
        await self.store.synced(block, {"blocks": 0.0, "balances": lag, "prices": 0.0})
        if self._quotes is not None:
            await self.store.set_prices({token: self._quotes.usd(token) for token in START_USD})


def _known(quote: Quote | None) -> dict[str, object]:
    if quote is None:
        return {}
    return {"amount_in": quote.amount_in, "quoted_out": quote.amount_out}


async def _health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def build(settings: ProcessSettings) -> Starlette:
    """Return the worker as an application that also serves its metrics."""
    worker = Worker(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        working = asyncio.create_task(worker.run())
        # A worker that stopped working must not look healthy.
        working.add_done_callback(lambda task: None if task.cancelled() else _end(task))
        yield
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await worker.close()

    page = MetricsPage(worker.platform.registry)
    return Starlette(routes=[Route("/metrics", page), Route("/health", _health)], lifespan=lifespan)


def _end(task: "asyncio.Task[None]") -> None:
    _log.critical("the worker broke", exc_info=task.exception())
    raise SystemExit(1)


if __name__ == "__main__":
    serve(build, proxied=False)
