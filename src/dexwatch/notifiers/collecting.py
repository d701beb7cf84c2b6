"""Keeps a storm of incidents from becoming a storm of messages.

Each recipient gets so many messages a minute of each severity; what comes beyond waits for a few
seconds and goes out as one message that stands for all that waited. Nothing is dropped, and nothing
counts as delivered before that message was: a crash meanwhile leaves each of them to be sent again.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from dexwatch.incidents.notice import MAX_ALERTS, Notice, NoticeAlert, NoticeKind
from dexwatch.incidents.records import IncidentState, NotificationReason
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.turns import Turns
from dexwatch.response.notifier import DeliveryResult, LookupResult, Notifier, Turn

PER_MINUTE = 10
SLOTS = 64
"""So many messages of one channel may wait together."""

_WINDOW_SECONDS = 60.0
_MESSAGES_KEPT = 4096
_TRIES_KEPT = 4
"""Of so many messages, so many tries: what is forgotten is not known, and never taken for a no."""

_USUAL_ATTEMPT_SECONDS = 20.0


@dataclass
class _Batch:
    """Messages to one recipient that wait for their common one."""

    result: asyncio.Future[DeliveryResult]
    waiting: list[tuple[Notice, Turn]] = field(default_factory=list)


class Collecting:
    """A notifier that sends by another one, and collects where that would be too much."""

    def __init__(
        self,
        inner: Notifier,
        *,
        per_minute: int = PER_MINUTE,
        wait_seconds: float = 2.0,
        gap_seconds: float = 8.0,
    ) -> None:
        """Wrap a notifier.

        Args:
            inner: what delivers.
            per_minute: messages of one severity to one recipient in 60 s before others wait.
            wait_seconds: how long the first that waits does so.
            gap_seconds: the least time between two collected messages to one recipient.
        """
        self.name = inner.name
        self.parallel = max(SLOTS, inner.parallel)
        self.only_state_changes = inner.only_state_changes
        self.shows_chart = inner.shows_chart
        self.shared_limit = inner.shared_limit
        self.attempt_seconds = inner.attempt_seconds
        self.idempotent = inner.idempotent
        self._inner = inner
        self._per_minute = per_minute
        self._wait, self._gap = wait_seconds, gap_seconds
        self._turns = Turns(inner.parallel)
        self._sent: dict[tuple[str, Severity], deque[float]] = defaultdict(deque)
        self._batches: dict[str, _Batch] = {}
        self._last: dict[str, float] = {}
        self._tried: dict[str, tuple[str, ...]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Prepare the notifier that delivers."""
        await self._inner.start()

    async def send(self, notice: Notice) -> DeliveryResult:
        """Send the message, or wait for the one that stands for it."""
        return await self.send_in_turn(notice, Turn())

    async def send_in_turn(self, notice: Notice, turn: Turn) -> DeliveryResult:
        """Do so, and say how far it has come."""
        if self._quiet(notice) or self._within(notice):
            turn.due.set()
            async with self._turns.turn(notice.severity):
                self._remember(notice.key, notice.key)
                turn.begin()
                return await self._inner.send(notice)
        batch = self._batches.get(notice.recipient)
        if batch is None:
            batch = _Batch(asyncio.get_running_loop().create_future())
            self._batches[notice.recipient] = batch
            task = asyncio.create_task(self._flush(notice.recipient, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        batch.waiting.append((notice, turn))
        try:
            # Whoever gives up must not take the others' message away.
            return await asyncio.shield(batch.result)
        finally:
            if not turn.begun.is_set():
                batch.waiting.remove((notice, turn))

    async def lookup(self, notice: Notice) -> LookupResult:
        """Ask for what the message went out as; what an earlier process did cannot be known."""
        tried = self._tried.get(notice.key, ())
        found = LookupResult(None)
        # An earlier process may have told it in a message whose key nobody knows any more.
        for key in dict.fromkeys((notice.key, *tried)):
            # One that stands for many is a message of its own, never an answer to an earlier one.
            handle = notice.handle if key == notice.key else None
            found = await self._inner.lookup(replace(notice, key=key, handle=handle))
            if found.delivered:
                # Of a message that stands for many no handle is kept: nothing can update it.
                return found if key == notice.key else LookupResult(True)
            if found.delivered is None:
                return found
        return found if 0 < len(tried) < _TRIES_KEPT else LookupResult(None)

    async def close(self) -> None:
        """Close the notifier that delivers."""
        for task in tuple(self._tasks):
            task.cancel()
        await self._inner.close()

    def _quiet(self, notice: Notice) -> bool:
        """Does it only change a message that is there already?"""
        changes = notice.kind is NoticeKind.UPDATE and notice.handle is not None
        return changes and not self.only_state_changes

    def _within(self, notice: Notice) -> bool:
        """Take one of this minute's messages, if there is one left."""
        now = asyncio.get_running_loop().time()
        sent = self._sent[notice.recipient, notice.severity]
        while sent and sent[0] <= now - _WINDOW_SECONDS:
            sent.popleft()
        if len(sent) >= self._per_minute:
            return False
        sent.append(now)
        return True

    def _remember(self, key: str, sent_as: str) -> None:
        """Keep what a message is about to go out as, the latest last."""
        tried = dict.fromkeys((*self._tried.pop(key, ()), sent_as))
        self._tried[key] = tuple(tried)[-_TRIES_KEPT:]
        while len(self._tried) > _MESSAGES_KEPT:
            del self._tried[next(iter(self._tried))]

    async def _flush(self, recipient: str, batch: _Batch) -> None:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(max(self._wait, self._last.get(recipient, 0.0) + self._gap - now()))
        # From here on others wait for the next one.
        del self._batches[recipient]
        self._last[recipient] = now()
        for _, turn in batch.waiting:
            turn.due.set()
        worst = min((one.severity for one, _ in batch.waiting), default=Severity.P3)
        async with self._turns.turn(worst):
            result = await self._deliver(batch)
        if not batch.result.done():
            batch.result.set_result(result)

    async def _deliver(self, batch: _Batch) -> DeliveryResult:
        notices = [notice for notice, _ in batch.waiting]
        if not notices:
            return DeliveryResult.retryable("everybody who waited has given up")
        message = collected(notices) if len(notices) > 1 else notices[0]
        for notice, turn in batch.waiting:
            self._remember(notice.key, message.key)
            turn.begin()
        try:
            async with asyncio.timeout(self.attempt_seconds or _USUAL_ATTEMPT_SECONDS):
                result = await self._inner.send(message)
        except TimeoutError:
            result = DeliveryResult.unknown("no answer in time")
        except Exception as error:  # noqa: BLE001 - each who waits is told of it by name.
            said = f"the notifier failed with {type(error).__name__}"
            result = DeliveryResult.retryable(said, given=True)
        if len(notices) > 1 and result.handle is not None:
            result = DeliveryResult(result.outcome, f"in one message for {len(notices)}")
        return result


def collected(notices: Sequence[Notice]) -> Notice:
    """Return one message to the common recipient of `notices`, of which there are two or more.

    It is as grave as the worst of those that are not over, and open if any of them is; it names
    the worst, and counts the rest.
    """
    ordered = sorted(
        notices, key=lambda n: (_over(n), n.severity.value, n.detected_at, n.incident_id)
    )
    worst = ordered[0]
    count = len({notice.incident_id for notice in notices})
    pages = [notice for notice in notices if notice.kind is NoticeKind.PAGE]
    listed = tuple(
        NoticeAlert(
            name=f"{one.incident_id} {one.title}",
            severity=one.severity,
            summary=one.summary,
            firing=not _over(one),
            starts_at=one.detected_at,
        )
        for one in ordered
    )
    # No space: mails make their Message-ID of it.
    name = f"{worst.incident_id}-and-{count - 1}-more" if count > 1 else worst.incident_id
    return replace(
        worst,
        key=f"collected/{sha256('|'.join(sorted(n.key for n in notices)).encode()).hexdigest()}",
        kind=NoticeKind.PAGE if pages else NoticeKind.UPDATE,
        event=NotificationReason.COLLECTED,
        incident_id=name,
        state=min((one.state for one in notices), key=tuple(IncidentState).index),
        title=f"{count} incidents at once",
        summary="; ".join(dict.fromkeys(one.title for one in ordered)),
        description="So much is wrong at once that these are told in one message.",
        owner=None,
        resolved_by=None,
        resolved_at=None,
        alerts=listed[:MAX_ALERTS],
        more_alerts=max(len(listed) - MAX_ALERTS, 0),
        runbook_url="",
        console_url=worst.console_url.rpartition("/")[0],
        chart=None,
        handle=None,
    )


def _over(notice: Notice) -> bool:
    return notice.state in (IncidentState.MITIGATED, IncidentState.RESOLVED)
