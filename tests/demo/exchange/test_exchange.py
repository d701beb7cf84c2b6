"""The sample exchange works and is measured."""

import httpx
import psycopg
import pytest
from redis.asyncio import Redis

from dexwatch.demo.exchange.queries import QUERIES
from dexwatch.metrics.business import BUSINESS_METRICS
from tests.fakes.exchange import client, rises, scrape, signed_in, status, total, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


async def test_the_printed_address_says_what_answers_there(exchange):
    async with client(exchange) as browser:
        answer = await browser.get("/")
    assert answer.status_code == 200
    assert "/health" in answer.json()["detail"]


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
    connection = await psycopg.AsyncConnection.connect(exchange.config.reader_dsn)
    async with connection:
        for query in QUERIES:
            cursor = await connection.execute(query.sql.encode())
            columns = [column.name for column in cursor.description]
            rows = await cursor.fetchall()
            assert set(columns) == {"value", *labels[query.metric]}, query.metric
            assert rows, query.metric
            assert all(float(row[columns.index("value")]) >= 0 for row in rows), query.metric


async def test_the_reader_cannot_write(exchange):
    connection = await psycopg.AsyncConnection.connect(exchange.config.reader_dsn)
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
        page = await browser.get(f"http://127.0.0.1:{exchange.config.status_port}/stub_status")
    assert "Active connections" in page.text


async def test_redis_keeps_a_good_hit_ratio_of_its_own(exchange):
    async with Redis.from_url(exchange.config.redis_url) as redis:
        before = await redis.info("stats")
        await rises(exchange, "platform_cache_requests_total", 20, result="hit")
        after = await redis.info("stats")
    hits = after["keyspace_hits"] - before["keyspace_hits"]
    misses = after["keyspace_misses"] - before["keyspace_misses"]
    assert hits / (hits + misses) > 0.8
