"""Which endpoint is primary: the chain is followed through it while it is fit.

No endpoint is trusted alone. Another becomes primary only when it showed that it is on the chain
that we evaluated, or when a majority has a say; of three or more a head is followed when most of
those that have a say show it, and of one that is left alone when it is on our chain; and a
reorganisation that another healthy endpoint contradicts is refused.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import structlog

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.failover.majority import Majority, hashes_at
from dexwatch.chain.failover.verification import Verification
from dexwatch.chain.heads import HeadFeed
from dexwatch.evm.block import Header
from dexwatch.evm.sequence import Reorg

_FAILURES_BEFORE_CHANGE = 2
_RETRY = Backoff(first=0.05, most=1.0)
_SHALLOW_BLOCKS = 2
"""Reorganisations up to this depth are usual, and are followed without asking anybody."""
_SUSPECT_SECONDS = 5.0
_MOST_ELECTION_STALLS = 3
_LOG_EVERY_SECONDS = 10.0

_log = structlog.get_logger("dexwatch.election")


class Election:
    """Holds the primary endpoint, and what speaks against it and against others."""

    def __init__(
        self,
        feeds: Sequence[HeadFeed],
        verification: Verification,
        *,
        majority: Majority,
        config: ChainConfig,
    ) -> None:
        self.primary = feeds[0]
        self.failures = Failures(_RETRY, key="primary")
        """Of the primary in a row; another takes over after some."""
        self._feeds = feeds
        self._verification = verification
        self._majority = majority
        self._stall = config.stall_seconds
        self._behind = max(3, round(config.stall_seconds * 1000 / config.block_interval_ms))
        self._suspects: dict[str, float] = {}
        self._late_since: float | None = None
        self._logged = float("-inf")

    @property
    def best_head(self) -> int | None:
        """The highest head of an endpoint of our chain; what others claim is left out."""
        if self._majority.is_quorum:
            heads = [self._majority.confirmed(feed) for feed in self._feeds]
        else:
            heads = [feed.head for feed in self._feeds if self.trusted(feed)]
        return max((head.ref.number for head in heads if head), default=None)

    def trusted(self, feed: HeadFeed) -> bool:
        """Is it the primary endpoint, or verified?"""
        if feed.name in self._suspects:
            return False
        return feed is self.primary or self._verification.verified(feed)

    def belongs(self, feed: HeadFeed) -> bool:
        """Is it, or was it when it last showed anything, on our chain? It may stand still."""
        return feed is self.primary or self._verification.belongs(feed)

    async def hold(self, head_came: asyncio.Event) -> None:
        """Find the first primary: of the chains that are shown, the one that most show.

        One that is alone with its chain is not believed; of two the one that is named first is.
        """
        await self._heads_of(len(self._feeds), head_came, seconds=self._stall)
        if self._majority.can_vote:
            longest = self._stall * _MOST_ELECTION_STALLS
            await self._heads_of(len(self._feeds) // 2 + 1, head_came, seconds=longest)
        heads = {feed: feed.head.ref.number for feed in self._feeds if feed.head}
        if not heads:
            return
        votes = await hashes_at(sorted(heads.values())[(len(heads) - 1) // 2], list(heads))
        if votes:
            ((most, _),) = Counter(votes.values()).most_common(1)
            self.primary = next(feed for feed, block_hash in votes.items() if block_hash == most)

    async def _heads_of(self, count: int, head_came: asyncio.Event, *, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while sum(feed.head is not None for feed in self._feeds) < count:
                    head_came.clear()
                    await head_came.wait()

    def suspect(self, reason: str) -> None:
        """Neither follow nor trust the primary for a moment: it gave what cannot be right."""
        self._suspects[self.primary.name] = clock.monotonic() + _SUSPECT_SECONDS
        _log.error("endpoint is suspect", endpoint=self.primary.name, reason=reason)

    def choose(self) -> Header | None:
        """Let another be primary if that is unfit; return the head to follow, if there is one."""
        now = clock.monotonic()
        self._suspects = {name: until for name, until in self._suspects.items() if until > now}
        if not self._is_fit(now):
            self._change(now)
        # What cannot be answered while it rests would lengthen the wait for the next try.
        idle = self.primary.name in self._suspects or self.primary.endpoint.resting
        return None if idle else self._majority.confirmed(self.primary)

    def _change(self, now: float) -> None:
        others = {
            feed: head.ref.number
            for feed in self._feeds
            if feed is not self.primary
            and self._is_well(feed)
            and (head := self._majority.confirmed(feed)) is not None
            and (self._majority.is_quorum or self._verification.proven(feed))
        }
        if not others:
            return
        self.primary = max(others, key=lambda feed: others[feed])
        self.failures.succeeded()
        self._late_since = None
        # When every endpoint is in trouble the primary changes many times a second.
        if now - self._logged > _LOG_EVERY_SECONDS:
            self._logged = now
            _log.warning("another endpoint is primary", endpoint=self.primary.name)

    def _is_fit(self, now: float) -> bool:
        too_late = self._is_too_late(now)
        return (
            self._is_well(self.primary)
            and self.primary.head is not None
            and self.failures.count < _FAILURES_BEFORE_CHANGE
            and not too_late
        )

    def _is_well(self, feed: HeadFeed) -> bool:
        return feed.up and not feed.endpoint.resting and feed.name not in self._suspects

    def _is_too_late(self, now: float) -> bool:
        """Are others ahead of the primary, by too much or for too long? Notes since when."""
        best, head = self.best_head, self._majority.confirmed(self.primary)
        if best is None or (head is not None and head.ref.number >= best):
            self._late_since = None
            return False
        if self._late_since is None:
            self._late_since = now
        if self._majority.is_quorum:
            # Most show a newer head and it does not, be it slow or lying.
            return now - self._late_since > self._stall / 3
        # Of two, the one that is ahead may be the liar: while the primary goes on it is believed.
        return self.primary.age() >= self._stall and (
            head is None or best - head.ref.number >= self._behind
        )

    async def approve(self, reorg: Reorg) -> bool:
        """Is there no other healthy endpoint that still has the blocks that would be dropped?"""
        if self._majority.is_quorum or (reorg.depth <= _SHALLOW_BLOCKS and reorg.cause == "reorg"):
            # With three or more the head that leads there is shown by most of them.
            return True
        others = [
            feed
            for feed in self._feeds
            if feed is not self.primary
            and feed.up
            and feed.age() < self._stall
            and self._verification.verified(feed)
        ]
        ref = reorg.blocks[0]
        return ref.hash not in (await hashes_at(ref.number, others)).values()
