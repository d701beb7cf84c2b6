"""One object that a service holds and tells what happens; it counts and times."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge

from dexwatch_instrument.bounded import Bounded, fixed
from dexwatch_instrument.families import Families
from dexwatch_instrument.sources import SuspiciousSources
from dexwatch_instrument.workers import Sampled, folder

Outcome = Literal["success", "failure"]
TradeOutcome = Literal["success", "reverted", "rejected", "error"]

_OUTCOMES: tuple[Outcome, ...] = ("success", "failure")
_TRADE_OUTCOMES: tuple[TradeOutcome, ...] = ("success", "reverted", "rejected", "error")
_REASONS = ("missing", "expired", "forbidden")
_PAYMENT_KINDS = ("deposit", "withdrawal")


@dataclass
class Trade:
    """A trade in progress; set `outcome` before the block ends."""

    outcome: TradeOutcome = "success"


@dataclass
class Work:
    """Work in progress; set `outcome` to "failure" where no exception says so."""

    outcome: Outcome = "success"


@dataclass(frozen=True)
class PoolState:
    """Connections of a database pool at one moment."""

    idle: int
    used: int
    most: int


class Platform:
    """Counts and times what a service of an exchange does.

    Every label value that comes from outside is bounded.
    Series whose values are known beforehand exist from the start at zero, because Prometheus
    cannot see the increase of a counter whose first value is already 1.
    """

    def __init__(
        self,
        *,
        pairs: Iterable[str] = (),
        transactions: Iterable[str] = (),
        sources: SuspiciousSources | None = None,
        registry: CollectorRegistry | None = None,
        values: int = 50,
    ) -> None:
        """Declare the metrics.

        Args:
            pairs: trading pairs known beforehand.
            transactions: names of business transactions known beforehand.
            sources: how suspicious sign-in sources are found; by default more than 10 a minute.
            registry: where to register; by default one of its own.
            values: how many distinct values an open label may take.
        """
        self.registry = registry or CollectorRegistry()
        if registry is None and not folder():
            # By the start time Prometheus sees that scrapes reach several workers. The kernel's
            # has hundredths of a second, and workers start faster than that.
            started = "Start time of the process since unix epoch in seconds."
            Gauge("process_start_time_seconds", started, registry=self.registry).set(time.time())
        self.families = Families(self.registry)
        self.sources = sources or SuspiciousSources()
        pairs, transactions = tuple(pairs), tuple(transactions)
        self._pairs = Bounded(max(values, len(pairs)), known=pairs)
        self._transactions = Bounded(max(values, len(transactions)), known=transactions)
        self._open = {
            name: Bounded(values)
            for name in ("method", "queue", "cache", "feed", "system", "operation", "pool", "route")
        }
        self._reasons = fixed(*_REASONS)
        self._payment_kinds = fixed(*_PAYMENT_KINDS)
        self.sampled = Sampled()
        suspicious = self.families.gauge("platform_auth_suspicious_sources")
        self.sampled.add(suspicious, self.sources.count)
        self._start_at_zero(pairs, transactions)

    def signed_in(self, *, success: bool, source: str, method: str = "password") -> bool:
        """Count a sign-in; return whether `source` (an address) has become suspicious."""
        outcome = "success" if success else "failure"
        method = self._open["method"](method)
        self.families.counter("platform_auth_attempts_total", method=method, outcome=outcome).inc()
        return False if success else self.sources.failed(source)

    def refused(self, reason: Literal["missing", "expired", "forbidden"]) -> None:
        """Count a request that was not authorised."""
        name = "platform_authorization_failures_total"
        self.families.counter(name, reason=self._reasons(reason)).inc()

    def rate_limited(self, route: str) -> None:
        """Count a request refused by a rate limit; `route` is the template, not the path."""
        route = self._open["route"](route)
        self.families.counter("platform_rate_limited_total", http_route=route).inc()

    def sessions(self, count: int) -> None:
        """Tell how many sessions are open; only one process of a service should."""
        self.families.gauge("platform_sessions_active").set(count)

    def session_ended(self, seconds: float) -> None:
        """Record the length of a session that ended."""
        self.families.histogram("platform_session_duration_seconds").observe(seconds)

    def registered(self, outcome: Outcome) -> None:
        """Count a registration."""
        self.families.counter("platform_registrations_total", outcome=outcome).inc()

    def paid(self, kind: Literal["deposit", "withdrawal"], outcome: Outcome) -> None:
        """Count a payment."""
        kind_value = self._payment_kinds(kind)
        self.families.counter("platform_payments_total", kind=kind_value, outcome=outcome).inc()

    @contextmanager
    def trade(self, pair: str, *, waited: float = 0.0) -> Iterator[Trade]:
        """Time and count a trade; an exception makes its outcome "error".

        `waited` is the seconds that passed since the request, such as those in a queue.
        """
        started, trade = time.monotonic() - waited, Trade()
        try:
            yield trade
        except BaseException:
            trade.outcome = "error"
            raise
        finally:
            pair = self._pairs(pair)
            elapsed = time.monotonic() - started
            self.families.histogram("platform_trade_duration_seconds", pair=pair).observe(elapsed)
            self.families.counter("platform_trades_total", pair=pair, outcome=trade.outcome).inc()

    @contextmanager
    def business(self, transaction: str) -> Iterator[Work]:
        """Count a business transaction such as "deposit"; an exception makes it a failure."""
        work = Work()
        try:
            yield work
        except BaseException:
            work.outcome = "failure"
            raise
        finally:
            name = self._transactions(transaction)
            self.families.counter(
                "platform_business_transactions_total", transaction=name, outcome=work.outcome
            ).inc()

    @contextmanager
    def job(self, queue: str) -> Iterator[Work]:
        """Time a job of a queue; an exception makes it a failure."""
        started, work = time.monotonic(), Work()
        try:
            yield work
        except BaseException:
            work.outcome = "failure"
            raise
        finally:
            self.families.histogram(
                "platform_job_duration_seconds",
                queue=self._open["queue"](queue),
                outcome=work.outcome,
            ).observe(time.monotonic() - started)

    def queued(self, queue: str, depth: int) -> None:
        """Tell how many jobs wait in a queue."""
        queue = self._open["queue"](queue)
        self.families.gauge("platform_job_queue_depth", queue=queue).set(depth)

    def cached(self, cache: str, *, hit: bool) -> None:
        """Count a look-up in a cache."""
        result = "hit" if hit else "miss"
        cache = self._open["cache"](cache)
        self.families.counter("platform_cache_requests_total", cache=cache, result=result).inc()

    def submitted(self) -> None:
        """Count a transaction sent to the chain."""
        self.families.counter("platform_transactions_submitted_total").inc()

    def confirmed(self, seconds: float) -> None:
        """Record the time from sending a transaction to its receipt."""
        self.families.histogram("platform_transaction_confirmation_seconds").observe(seconds)

    def market_connected(self, feed: str, *, connected: bool) -> None:
        """Tell whether a market data feed is connected."""
        feed = self._open["feed"](feed)
        self.families.gauge("platform_market_data_connected", feed=feed).set(connected)

    def market_update(
        self, feed: str, *, latency_seconds: float, deviation: float | None = None
    ) -> None:
        """Record an update of a feed, its age on arrival and how far it is off the pool's price."""
        feed = self._open["feed"](feed)
        families = self.families
        families.counter("platform_market_data_updates_total", feed=feed).inc()
        families.gauge("platform_market_data_timestamp_seconds", feed=feed).set_to_current_time()
        families.histogram("platform_market_data_latency_seconds", feed=feed).observe(
            max(0.0, latency_seconds)
        )
        if deviation is not None:
            families.gauge("platform_market_data_deviation_ratio", feed=feed).set(deviation)

    @contextmanager
    def database(self, operation: str, system: str = "postgresql") -> Iterator[None]:
        """Time one operation such as "SELECT" against a database."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.families.histogram(
                "db_client_operation_duration_seconds",
                db_system_name=self._open["system"](system),
                db_operation_name=self._open["operation"](operation),
            ).observe(time.monotonic() - started)

    def watch_pool(self, name: str, state: Callable[[], PoolState]) -> None:
        """Report a connection pool; `state` is asked at each scrape and must be quick."""
        pool = {"db_client_connection_pool_name": self._open["pool"](name)}
        gauge, kind = self.families.gauge, "db_client_connection_state"
        count = "db_client_connection_count"
        self.sampled.add(gauge("db_client_connection_max", **pool), lambda: state().most)
        self.sampled.add(gauge(count, **pool, **{kind: "idle"}), lambda: state().idle)
        self.sampled.add(gauge(count, **pool, **{kind: "used"}), lambda: state().used)

    def _start_at_zero(self, pairs: tuple[str, ...], transactions: tuple[str, ...]) -> None:
        counter = self.families.counter
        for outcome in _OUTCOMES:
            method = self._open["method"]("password")
            counter("platform_auth_attempts_total", method=method, outcome=outcome)
            counter("platform_registrations_total", outcome=outcome)
            for kind in _PAYMENT_KINDS:
                counter("platform_payments_total", kind=kind, outcome=outcome)
            for name in transactions:
                counter("platform_business_transactions_total", transaction=name, outcome=outcome)
        for reason in _REASONS:
            counter("platform_authorization_failures_total", reason=reason)
        for pair in pairs:
            for trade_outcome in _TRADE_OUTCOMES:
                counter("platform_trades_total", pair=pair, outcome=trade_outcome)
