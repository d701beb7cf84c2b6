"""Asks how things are for all viewers: a round of questions every two seconds while one looks."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import structlog

from dexwatch import clock
from dexwatch.console.live.health import HealthSummary
from dexwatch.console.live.observe import Observer
from dexwatch.console.live.subscription import Message, Subscription
from dexwatch.console.protocols import Now

log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
LINGER_SECONDS = 10.0
POLL_SECONDS = 10.0
"""So long one round of questions may last; each side's own time-out is shorter."""
STALE = timedelta(seconds=10)
"""A summary older than this tells how things were, and not how they are."""

Publish = Callable[[HealthSummary], Sequence[Message]]
"""Writes a summary as messages, once for all viewers."""


class HealthPoller:
    """Keeps the newest summary, and tells subscribers when something has changed."""

    def __init__(self, observer: Observer, publish: Publish, *, now: Now = clock.now) -> None:
        self._observer, self._publish, self._now = observer, publish, now
        self._summary: HealthSummary | None = None
        self._messages: Sequence[Message] = ()
        self._subscriptions: set[Subscription] = set()
        self._wanted_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()

    async def summary(self, *, wait: float = 1.0) -> HealthSummary:
        """Return the newest summary; one that is old, or none within `wait` seconds, says so."""
        self._want()
        try:
            async with asyncio.timeout(wait):
                await self._first.wait()
        except TimeoutError:
            pass
        return self._newest()

    async def poll(self) -> None:
        """Ask now, because something was just done."""
        async with asyncio.timeout(POLL_SECONDS):
            self._summary = await self._observer.observe(self._now)
        self._tell_all()
        self._first.set()

    @contextmanager
    def watch(self, subscription: Subscription) -> Iterator[None]:
        """Tell a subscription of every change as long as the context is open."""
        self._want()
        if self._messages and self._newest() is not self._summary:
            self._messages = self._publish(self._newest())
        self._subscriptions.add(subscription)
        self._tell(subscription)
        try:
            yield
        finally:
            self._subscriptions.discard(subscription)
            self._want()

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _newest(self) -> HealthSummary:
        newest, now = self._summary, self._now()
        if newest is None:
            return HealthSummary(now, blind=("nothing has answered yet",))
        if now - newest.at <= STALE:
            return newest
        words = f"nothing has answered since {newest.at:%Y-%m-%d %H:%M:%S} UTC"
        return replace(newest, blind=(*newest.blind, words))

    def _tell_all(self) -> None:
        self._messages = self._publish(self._newest())
        for subscription in self._subscriptions:
            self._tell(subscription)

    def _tell(self, subscription: Subscription) -> None:
        for message in self._messages:
            subscription.put(message)

    def _want(self) -> None:
        self._wanted_until = clock.monotonic() + LINGER_SECONDS
        if self._task is None or self._task.done():
            self._first.clear()
            self._task = asyncio.create_task(self._run(), name="health")

    async def _run(self) -> None:
        while self._subscriptions or clock.monotonic() < self._wanted_until:
            # The top of every page hangs on this loop: it must outlive any surprise.
            try:
                await self.poll()
            except Exception:
                log.exception("health_poll_failed")
                with suppress(Exception):
                    self._tell_all()
            await asyncio.sleep(EVERY_SECONDS)
