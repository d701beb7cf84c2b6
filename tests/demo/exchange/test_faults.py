"""Each fault shows where its rule looks, and is gone when it is lifted."""

import time

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.exchange import Broken, client, rises, signed_in, status, total, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
        connection = await psycopg.AsyncConnection.connect(exchange.config.reader_dsn)
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
        connection = await psycopg.AsyncConnection.connect(exchange.config.reader_dsn)
        async with connection:
            return float((await (await connection.execute(query)).fetchone())[0])

    async def behind():
        return await lag() > 300

    async def caught_up():
        return await lag() < 10

    async with Broken(exchange, "sync-delay"):
        await until(behind)
    await until(caught_up)


async def test_brute_force_is_suspicious_until_it_ends(exchange):
    async def suspicious():
        return await total(exchange, "platform_auth_suspicious_sources") >= 1

    async def not_suspicious():
        return await total(exchange, "platform_auth_suspicious_sources") == 0

    async with Broken(exchange, "brute-force"):
        await until(suspicious)
    await until(not_suspicious)


async def test_rate_limit_abuse_is_refused_and_others_are_not(exchange):
    async with Broken(exchange, "rate-limit-abuse"):
        await rises(exchange, "platform_rate_limited_total", 10)
        assert await status(exchange, "GET", "/api/quotes/WBNB-USDT") == 200


async def test_forbidden_access(exchange):
    async with Broken(exchange, "forbidden-access"):
        await rises(exchange, "platform_authorization_failures_total", 4, reason="forbidden")


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
