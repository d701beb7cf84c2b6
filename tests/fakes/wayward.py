"""A receiver that does as its mode says, and remembers what it was asked and what it has."""

import math
from collections import Counter
from dataclasses import dataclass, field

from dexwatch.incidents.notice import Notice
from dexwatch.response.messaging.job import MAX_BLIND, NOTIFY, UPDATE
from dexwatch.response.notifier import DeliveryResult, LookupResult
from tests.fakes.alerts import Ticker

RETRY_AFTER = 60.0
MODES = ("works", "down", "slows", "takes_and_breaks", "breaks", "refuses")
BROKE = DeliveryResult.unknown("the connection broke")
_ANSWERS = {
    "slows": DeliveryResult.retryable("slow down", retry_after=RETRY_AFTER),
    "down": DeliveryResult.retryable("down"),
    "refuses": DeliveryResult.failed("no such recipient"),
}


@dataclass
class Channel:
    """One channel of the machine over the whole response."""

    name: str
    steady: Ticker
    can_tell: bool
    mode: str = "works"
    parallel: int = 4
    only_state_changes: bool = False
    shows_chart: bool = False
    shared_limit: bool = True
    attempt_seconds: float | None = None
    idempotent: bool = False
    asked: list[tuple[float, str]] = field(default_factory=list)
    """When it was asked to take which message."""
    has: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
    """How often the sender could not know whether a message was taken."""
    held_until: float = -math.inf
    claim: int = 0
    """Counts the claims, because messages that are under way together do not know of each other."""
    hold_claim: int = 0
    hold_known: bool = True
    """False until the attempt that met the hold is settled."""
    broken_holds: list[tuple[float, str]] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    """Pages that it was sent again though it would have told that it has them."""
    deaths: Counter[str] = field(default_factory=Counter)
    """How often the worker of a message died or lost its lease."""
    unsure: Counter[str] = field(default_factory=Counter)
    """Copies of a message of which the sender cannot know whether they have arrived."""
    answered: set[str] = field(default_factory=set)
    """Messages of which it has said what came of them, and whose worker has not settled that."""
    blind: list[str] = field(default_factory=list)
    """Messages of which as many copies lay unsure as may, and which were sent once more."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        now, key = self.steady.seconds, notice.key
        self.asked.append((now, key))
        if now < self.held_until and self.hold_known and self.claim > self.hold_claim:
            self.broken_holds.append((now, key))
        if self.tells and self.has[key] and key.startswith(f"{NOTIFY}/"):
            self.needless.append(key)
        if not self.tells and self.unsure[key] >= MAX_BLIND:
            self.blind.append(key)
        if self.mode in ("works", "takes_and_breaks"):
            self.has[key] += 1
        if self.mode in ("takes_and_breaks", "breaks"):
            self.cut_off[key] += 1
            self.unsure[key] += 1
            return BROKE
        self.answered.add(key)
        if self.mode == "slows":
            self.held_until, self.hold_claim = now + RETRY_AFTER, self.claim
        return _ANSWERS.get(self.mode) or DeliveryResult.delivered(handle=f"{self.name}/{key}")

    def cuts(self, key: str) -> int:
        """How often nobody knew whether a message was taken; a worker that dies knows its job."""
        job = key.rpartition("/")[0] if key.startswith(f"{UPDATE}/") else ""
        return self.cut_off[key] + self.cut_off[job]

    @property
    def tells(self) -> bool:
        """Would it say now whether it has a message?"""
        return self.can_tell and self.mode not in ("down", "breaks", "takes_and_breaks")

    async def lookup(self, notice: Notice) -> LookupResult:
        if not self.tells:
            return LookupResult(None)
        self.unsure[notice.key] = 0
        return LookupResult(self.has[notice.key] > 0, f"{self.name}/{notice.key}")
