"""Asks how things are for all viewers: a round of questions every two seconds while one looks."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from dexwatch import clock
from dexwatch.console.live.health import HealthSummary
from dexwatch.console.live.observe import Observer
from dexwatch.console.live.subscription import Message, Subscription
from dexwatch.console.protocols import Now

log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
LINGER_SECONDS = 10.0

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
        """Return the newest summary; when none comes within `wait` seconds, one that says so."""
        self._want()
        try:
            async with asyncio.timeout(wait):
                await self._first.wait()
        except TimeoutError:
            pass
        return self._summary or HealthSummary(self._now(), blind=("nothing has answered yet",))

    async def poll(self) -> None:
        """Ask now, because something was just done."""
        self._summary = await self._observer.observe(self._now)
        self._messages = self._publish(self._summary)
        self._first.set()
        for subscription in self._subscriptions:
            self._tell(subscription)

    @contextmanager
    def watch(self, subscription: Subscription) -> Iterator[None]:
        """Tell a subscription of every change as long as the context is open."""
        self._want()
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
            try:
                await self.poll()
            except Exception:
                # The top of every page hangs on this loop: it must outlive any surprise.
                log.exception("health_poll_failed")
            await asyncio.sleep(EVERY_SECONDS)
