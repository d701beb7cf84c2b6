"""Redis as the exchange uses it: a cache of quotes and sessions, and queues of jobs."""

import json
import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dexwatch.demo.exchange.process import FaultReader
from dexwatch_instrument import Platform

QUEUES = ("trades", "payments", "tickets", "reports")
QUEUE_LIMIT = 20_000
"""Jobs beyond this are refused rather than filling the memory."""

QUOTE_SECONDS = 10
SESSION_SECONDS = 1_800
_TIMEOUT = 1.0


class QueueFullError(RuntimeError):
    """The queue takes no more jobs now."""


class Cache:
    """A connection pool to Redis that counts hits and misses."""

    def __init__(self, url: str, platform: Platform, faults: FaultReader) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT + 2,
            socket_connect_timeout=_TIMEOUT,
            max_connections=32,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._platform = platform
        self._faults = faults

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def quote(self, pair: str) -> dict[str, Any] | None:
        """Return the cached quote of a pair."""
        found = await self._look_up("quotes", f"quote:{pair}")
        return None if found is None else dict(json.loads(found))

    async def set_quote(self, pair: str, quote: Mapping[str, object]) -> None:
        """Keep a quote for some seconds, or not at all while the cache is made cold."""
        if not self._faults.now.cache_cold:
            await self._redis.set(f"quote:{pair}", json.dumps(quote), ex=QUOTE_SECONDS)

    async def session(self, token_digest: bytes) -> int | None:
        """Return the user of a cached session."""
        found = await self._look_up("sessions", f"session:{token_digest.hex()}")
        return None if found is None else int(found)

    async def set_session(self, token_digest: bytes, user: int) -> None:
        """Keep whose session it is."""
        if not self._faults.now.cache_cold:
            await self._redis.set(f"session:{token_digest.hex()}", user, ex=SESSION_SECONDS)

    async def drop_session(self, token_digest: bytes) -> None:
        """Forget a session."""
        await self._redis.delete(f"session:{token_digest.hex()}")

    async def push(self, queue: str, **job: object) -> None:
        """Add a job to the end of a queue.

        Raises:
            QueueFullError: QUEUE_LIMIT jobs wait already.
        """
        length = await self._redis.rpush(f"queue:{queue}", json.dumps({**job, "at": time.time()}))
        if length > QUEUE_LIMIT:
            await self._redis.rpop(f"queue:{queue}")
            raise QueueFullError(f"{queue}: {QUEUE_LIMIT} jobs wait already")

    async def put_back(self, queue: str, job: Mapping[str, object]) -> None:
        """Return a job to the front of its queue."""
        await self._redis.lpush(f"queue:{queue}", json.dumps(job))

    async def pop(self, queue: str) -> dict[str, Any] | None:
        """Return the next job, or None after a second without one."""
        found = await self._redis.blpop([f"queue:{queue}"], timeout=_TIMEOUT)
        return None if found is None else dict(json.loads(found[1]))

    async def depths(self) -> dict[str, int]:
        """Return how many jobs wait, by queue."""
        # Asking for the length of a list that is not there counts as a miss in Redis' own
        # statistics and would spoil its hit ratio, so only existing lists are asked.
        there = set(await self._redis.keys("queue:*"))
        return {
            queue: await self._redis.llen(f"queue:{queue}") if f"queue:{queue}" in there else 0
            for queue in QUEUES
        }

    async def _look_up(self, cache: str, key: str) -> str | None:
        # A cold cache has other keys: real misses in Redis' own statistics, too.
        found = await self._redis.get(f"cold:{key}" if self._faults.now.cache_cold else key)
        self._platform.cached(cache, hit=found is not None)
        return None if found is None else str(found)


async def fill_queue(url: str, queue: str, count: int) -> None:
    """Add jobs until a queue holds at least `count`: an injected backlog."""
    job = json.dumps({"at": time.time()})
    async with Redis.from_url(url, socket_timeout=5) as redis:
        missing = count - await redis.llen(f"queue:{queue}")
        if missing > 0:
            await redis.rpush(f"queue:{queue}", *[job] * missing)


async def clear(url: str, queue: str) -> None:
    """Empty a queue."""
    async with Redis.from_url(url, socket_timeout=5) as redis:
        await redis.delete(f"queue:{queue}")
