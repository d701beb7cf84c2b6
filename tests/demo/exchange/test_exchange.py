"""The sample exchange works, is measured, and each fault shows where its rule looks."""

import asyncio
import time
from types import SimpleNamespace

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from dexwatch.demo.exchange.programs import PASSWORD
from dexwatch.demo.exchange.queries import QUERIES
from dexwatch.demo.scenarios.exchange import SCENARIOS
from dexwatch.signals.business import BUSINESS_METRICS

pytestmark = pytest.mark.asyncio(loop_scope="session")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
DEADLINE = 15.0


async def until(look, seconds=DEADLINE):
    """Await `look()` until it is true, and return what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {look}"
        await asyncio.sleep(0.1)


async def scrape(exchange, *names):
    """Return {(name, sorted labels): value} summed over the exchange's processes."""
    totals: dict = {}
    async with httpx.AsyncClient(timeout=3) as client:
        for port in (*exchange.place.api_ports, exchange.place.worker_port):
            try:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            except httpx.HTTPError:
                continue
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name in names:
                        key = (sample.name, *sorted(sample.labels.items()))
                        totals[key] = totals.get(key, 0) + sample.value
    return totals


async def total(exchange, name, **labels):
    wanted = set(labels.items())
    found = await scrape(exchange, name)
    return sum(value for key, value in found.items() if wanted <= set(key[1:]))


async def rises(exchange, name, by=1.0, **labels):
    """Wait until the series has risen by so much."""
    before = await total(exchange, name, **labels)

    async def look():
        return await total(exchange, name, **labels) >= before + by

    await until(look)


class Broken:
    """Holds a scenario active for the length of a block."""

    def __init__(self, exchange, name):
        self.world = SimpleNamespace(exchange=exchange)
        self.scenario = BY_NAME[name]

    async def __aenter__(self):
        await self.scenario.start(self.world)
        await self.scenario.start(self.world)

    async def __aexit__(self, *exception):
        await self.scenario.stop(self.world)
        await self.scenario.stop(self.world)


def client(exchange):
    address = {"x-sample-client": "192.0.2.1"}
    return httpx.AsyncClient(base_url=exchange.addresses["api"], timeout=8, headers=address)


async def status(exchange, method, path, **options):
    async with client(exchange) as browser:
        return (await browser.request(method, path, **options)).status_code


async def signed_in(exchange, number=7):
    async with client(exchange) as browser:
        body = {"email": f"user{number}@example.org", "password": PASSWORD}
        answer = await browser.post("/api/sessions", json=body)
    assert answer.status_code == 201
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def test_a_trade_goes_over_the_chain_into_the_database(exchange):
    headers = await signed_in(exchange)
    async with client(exchange) as browser:
        body = {"pair": "WBNB/USDT", "side": "buy", "usd": 100}
        placed = await browser.post("/api/trades", json=body, headers=headers)
        assert placed.status_code == 202

        async def settled():
            shown = await browser.get(f"/api/trades/{placed.json()['trade']}", headers=headers)
            return shown.json() if shown.json()["status"] != "pending" else None

        row = await until(settled)
    assert row["status"] == "confirmed"
    assert row["transaction_hash"].startswith("0x")
    assert await total(exchange, "platform_transaction_confirmation_seconds_count") >= 1


async def test_users_and_nobody_else_get_in(exchange):
    wrong = {"email": "user7@example.org", "password": "not the one"}
    assert await status(exchange, "POST", "/api/sessions", json=wrong) == 401
    assert await status(exchange, "GET", "/api/portfolio") == 401
    headers = await signed_in(exchange)
    assert await status(exchange, "GET", "/api/portfolio", headers=headers) == 200
    assert await status(exchange, "GET", "/api/admin/users", headers=headers) == 403
    assert await status(exchange, "DELETE", "/api/sessions", headers=headers) == 204
    assert await status(exchange, "GET", "/api/portfolio", headers=headers) == 401
    assert await total(exchange, "platform_authorization_failures_total", reason="forbidden") >= 1
    assert await total(exchange, "platform_session_duration_seconds_count") >= 1


async def test_the_population_keeps_every_metric_moving(exchange):
    for name in (
        "platform_trades_total",
        "platform_payments_total",
        "platform_registrations_total",
        "platform_cache_requests_total",
        "platform_market_data_updates_total",
        "platform_job_duration_seconds_count",
    ):
        await rises(exchange, name)
    assert exchange.traffic.requests_per_second() > 2


async def test_normal_traffic_raises_no_server_error(exchange):
    found = await scrape(exchange, "http_server_request_duration_seconds_count")
    statuses = {dict(key[1:])["http_response_status_code"] for key in found}
    assert not [status for status in statuses if status.startswith("5")]


async def test_every_business_metric_has_a_query_with_its_labels(exchange):
    labels = {metric.name: set(metric.labels) for metric in BUSINESS_METRICS}
    assert {query.metric for query in QUERIES} == set(labels)
    connection = await psycopg.AsyncConnection.connect(exchange.place.reader_dsn)
    async with connection:
        for query in QUERIES:
            cursor = await connection.execute(query.sql.encode())
            columns = [column.name for column in cursor.description]
            rows = await cursor.fetchall()
            assert set(columns) == {"value", *labels[query.metric]}, query.metric
            assert rows, query.metric
            assert all(float(row[columns.index("value")]) >= 0 for row in rows), query.metric


async def test_the_reader_cannot_write(exchange):
    connection = await psycopg.AsyncConnection.connect(exchange.place.reader_dsn)
    async with connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("delete from tickets")
        await connection.rollback()
        await connection.execute("set default_transaction_read_only = off")
        await connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("delete from tickets")


async def test_the_balancer_hides_metrics_and_shows_its_status(exchange):
    assert await status(exchange, "GET", "/metrics") == 404
    async with httpx.AsyncClient() as browser:
        page = await browser.get(f"http://127.0.0.1:{exchange.place.status_port}/stub_status")
    assert "Active connections" in page.text


async def test_api_slow(exchange):
    async with Broken(exchange, "api-slow"), client(exchange) as browser:

        async def slow():
            started = time.monotonic()
            assert (await browser.get("/api/quotes/WBNB-USDT")).status_code == 200
            return time.monotonic() - started > 1.2

        await until(slow)


async def test_api_errors(exchange):
    labels = {"http_response_status_code": "500"}
    async with Broken(exchange, "api-errors"):
        await rises(exchange, "http_server_request_duration_seconds_count", 2, **labels)


async def test_lb_upstream_down_is_hidden_from_users(exchange):
    async with Broken(exchange, "lb-upstream-down"):
        answers = [await status(exchange, "GET", "/health") for _ in range(6)]
    assert answers == [200] * 6


async def test_api_down(exchange):
    async with Broken(exchange, "api-down"):
        assert await status(exchange, "GET", "/health") == 502
    await until(lambda: _healthy(exchange))


async def test_lb_down(exchange):
    async with Broken(exchange, "lb-down"):
        with pytest.raises(httpx.ConnectError):
            await status(exchange, "GET", "/health")
    await until(lambda: _healthy(exchange))


async def _healthy(exchange):
    return await status(exchange, "GET", "/health") == 200


async def test_db_slow(exchange):
    async with Broken(exchange, "db-slow"):
        # Operations above half a second are those that the lower bucket leaves out.
        async def slow():
            every = await total(exchange, "db_client_operation_duration_seconds_count")
            quick = await total(exchange, "db_client_operation_duration_seconds_bucket", le="0.75")
            return every - quick >= 2

        await until(slow)


async def test_db_down_fails_at_once_and_recovers(exchange):
    headers = await signed_in(exchange)
    async with Broken(exchange, "db-down"):
        assert await status(exchange, "GET", "/api/portfolio", headers=headers) == 503
        assert await status(exchange, "GET", "/api/quotes/WBNB-USDT") == 200

    async def back():
        return await status(exchange, "GET", "/api/portfolio", headers=headers) == 200

    await until(back)
    await rises(exchange, "platform_trades_total", outcome="success")


async def test_db_connections(exchange):
    query = "select count(*) from pg_stat_activity where backend_type = 'client backend'"
    async with Broken(exchange, "db-connections"):
        connection = await psycopg.AsyncConnection.connect(exchange.place.reader_dsn)
        async with connection:
            (count,) = await (await connection.execute(query)).fetchone()
        assert count > 41
        assert await status(exchange, "GET", "/api/quotes/ETH-USDT") == 200


async def test_redis_down_keeps_reading_and_refuses_orders(exchange):
    headers = await signed_in(exchange)
    async with Broken(exchange, "redis-down"):
        assert await status(exchange, "GET", "/api/quotes/WBNB-USDT") == 200
        assert await status(exchange, "GET", "/api/portfolio", headers=headers) == 200
        body = {"kind": "deposit", "usd": 10}
        assert await status(exchange, "POST", "/api/payments", json=body, headers=headers) == 503
    await rises(exchange, "platform_payments_total", outcome="success")


async def test_cache_cold_misses(exchange):
    async with Broken(exchange, "cache-cold"):
        await rises(exchange, "platform_cache_requests_total", 3, cache="quotes", result="miss")
        await rises(exchange, "platform_cache_requests_total", 3, cache="sessions", result="miss")


async def test_queue_backlog_shows_and_goes(exchange):
    async def depth():
        return await total(exchange, "platform_job_queue_depth", queue="reports")

    async def deep():
        return await depth() > 1_000

    async def empty():
        return await depth() == 0

    async with Broken(exchange, "queue-backlog"):
        await until(deep)
    await until(empty)


async def test_registration_broken(exchange):
    async with Broken(exchange, "registration-broken"):
        await rises(exchange, "platform_registrations_total", outcome="failure")


async def test_payment_broken(exchange):
    async with Broken(exchange, "payment-broken"):
        await rises(exchange, "platform_payments_total", 2, outcome="failure")


async def test_sync_delay_is_in_the_database_and_goes(exchange):
    query = (
        "select extract(epoch from now() - synced_at) from sync_state where dataset = 'balances'"
    )

    async def lag():
        connection = await psycopg.AsyncConnection.connect(exchange.place.reader_dsn)
        async with connection:
            return float((await (await connection.execute(query)).fetchone())[0])

    async def behind():
        return await lag() > 300

    async def caught_up():
        return await lag() < 10

    async with Broken(exchange, "sync-delay"):
        await until(behind)
    await until(caught_up)


async def test_brute_force_is_suspicious_and_calms_down(exchange):
    async def suspicious():
        return await total(exchange, "platform_auth_suspicious_sources") >= 1

    async def calm():
        return await total(exchange, "platform_auth_suspicious_sources") == 0

    async with Broken(exchange, "brute-force"):
        await until(suspicious)
    await until(calm)


async def test_rate_limit_abuse_is_refused_and_others_are_not(exchange):
    async with Broken(exchange, "rate-limit-abuse"):
        await rises(exchange, "platform_rate_limited_total", 10)
        assert await status(exchange, "GET", "/api/quotes/WBNB-USDT") == 200


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("cpu-hot", "node_load1"),
        ("memory-full", "node_memory_MemAvailable_bytes"),
        ("disk-full", "node_filesystem_avail_bytes"),
    ],
)
async def test_the_sample_host_shows_the_fault(exchange, name, metric):
    def read():
        families = text_string_to_metric_families(exchange.host.render())
        samples = [s for family in families for s in family.samples if s.name == metric]
        return samples[-1].value

    before = read()
    async with Broken(exchange, name):
        if name == "cpu-hot":
            assert exchange.host.load.cpu == 0.96
        else:
            assert read() < 0.2 * before
    assert exchange.host.load.cpu is None


async def test_redis_keeps_a_good_hit_ratio_of_its_own(exchange):
    async with Redis.from_url(exchange.place.redis_url) as redis:
        before = await redis.info("stats")
        await rises(exchange, "platform_cache_requests_total", 20, result="hit")
        after = await redis.info("stats")
    hits = after["keyspace_hits"] - before["keyspace_hits"]
    misses = after["keyspace_misses"] - before["keyspace_misses"]
    assert hits / (hits + misses) > 0.8
