"""How many calls go into one exchange with a node, and which of them are better asked alone.

A batch that is refused is halved, down to single calls, and grows again later. A call that is
refused alone as well, while others are answered, was the reason itself: it says nothing of the
batch, and is asked last and alone from then on, so that the others keep their size.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dexwatch.chain.adaptive_size import AdaptiveSize
from dexwatch.chain.batching import batches
from dexwatch.clients.http import SourceError

MAX_BATCH = 50
_APART_SECONDS = 3600.0
_MOST_APART = 200

Ask = Callable[[list[int]], Awaitable[list[Any]]]
"""Asks for some of the calls, known by their places, in one exchange."""


class Batching:
    """The size of a node's batches, as far as we know, and the calls that it refuses alone."""

    def __init__(self, *, key: str, monotonic: Callable[[], float]) -> None:
        self._size = AdaptiveSize(MAX_BATCH, key=key, monotonic=monotonic)
        self._now = monotonic
        self._apart: OrderedDict[bytes, float] = OrderedDict()
        """Calls that are asked alone, and until when."""

    @property
    def size(self) -> int:
        """How many calls it takes in one exchange, as far as we know."""
        return self._size.now

    async def answers(self, keys: Sequence[bytes], ask: Ask) -> list[Any]:
        """Ask for calls; a key is that by which a call is known when it comes again."""
        found: list[Any] = [None] * len(keys)
        now = self._now()
        apart = [place for place, key in enumerate(keys) if self._apart.get(key, 0.0) > now]
        waiting = [place for place in range(len(keys)) if place not in apart]
        blame, limited_alone = _Blame(self._size), 0
        while waiting or apart:
            size = self._size.now
            if waiting:
                part, waiting = waiting[:size], waiting[size:]
            else:
                part, apart = apart[:1], apart[1:]
            answer = await ask(part)
            if await _is_refused_alike(part, answer, ask):
                answer = [batches.UnansweredError()] * len(part)
            for place, one in zip(part, answer, strict=True):
                found[place] = one
            if len(part) == 1 < len(keys):
                self._set_apart(keys[part[0]], apart=batches.is_too_much_alone(answer))
            blame.told(answer)
            limited_alone += batches.is_limited_alone(answer)
            again, limit = batches.refused(answer), batches.limit(answer, limited_alone)
            if again:
                # Each round halves the batch, so that at most five are refused in a row.
                blame.halve(answer)
                waiting = [part[place] for place in sorted(again)] + waiting
            elif limit is not None:
                if len(part) > 1 and not _is_answered(answer):
                    # It may be more at once than the plan ever gives: the next ones are smaller.
                    self._size.refused(len(part))
                for place in waiting + apart:
                    found[place] = limit
                break
            elif len(part) == size and not isinstance(answer[0], SourceError):
                self._size.accepted()
        blame.settle()
        return found

    def _set_apart(self, key: bytes, *, apart: bool) -> None:
        self._apart.pop(key, None)
        if apart:
            self._apart[key] = self._now() + _APART_SECONDS
            if len(self._apart) > _MOST_APART:
                self._apart.popitem(last=False)


class _Blame:
    """Was it the size of a batch, or one of its calls? If a call, the size is as it was before."""

    def __init__(self, size: AdaptiveSize) -> None:
        self._size = size
        self._before: int | None = None
        """The size before it was halved for a reason that is not known yet."""
        self._guilty = self._answered = False
        self._found_once = False

    def halve(self, answer: list[Any]) -> None:
        if self._before is None:
            self._before = self._size.now
            self._guilty, self._answered = False, _is_answered(answer)
        self._size.refused(len(answer))

    def told(self, answer: list[Any]) -> None:
        self._guilty = self._guilty or batches.is_too_much_alone(answer, rate=False)
        self._answered = self._answered or _is_answered(answer)
        # Once only: a batch whose calls are guilty by the dozen is not halved anew for each.
        if not self._found_once:
            self.settle()

    def settle(self) -> None:
        if self._before is not None and self._guilty and self._answered:
            self._size.recover(self._before)
            self._before, self._found_once = None, True


def _is_answered(answer: list[Any]) -> bool:
    return any(not isinstance(one, SourceError) for one in answer)


async def _is_refused_alike(part: list[int], answer: list[Any], ask: Ask) -> bool:
    """Is the batch to blame that all its calls are refused in the same, unknown words?

    One of them alone tells: each of them may as well have failed for itself.
    """
    if len(part) == 1 or not batches.alike(answer):
        return False
    (alone,) = await ask(part[:1])
    return batches.is_own(alone)
