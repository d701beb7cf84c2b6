"""What most endpoints show, where there are three or more: one that is alone cannot decide."""

import asyncio
from collections.abc import Sequence

from dexwatch.chain.endpoint import Request
from dexwatch.chain.failover.verification import Verification, shown_hash
from dexwatch.chain.heads import HeadFeed
from dexwatch.evm.block import BlockRef, Header

_VOTE_SECONDS = 30.0
"""An endpoint that shows nothing new for so long has no say in which head is followed."""


class Majority:
    """Counts what the endpoints that have a say show."""

    def __init__(self, feeds: Sequence[HeadFeed], verification: Verification) -> None:
        self._feeds = feeds
        self._verification = verification

    @property
    def is_quorum(self) -> bool:
        """Have more than half of the endpoints, of three or more, a say at this moment?"""
        return self.can_vote and 2 * len(self._voters()) > len(self._feeds)

    @property
    def can_vote(self) -> bool:
        """Are there enough endpoints for a majority, whoever is up?"""
        return len(self._feeds) >= 3

    def _voters(self) -> Sequence[HeadFeed]:
        return [one for one in self._feeds if one.up and one.head and one.age() < _VOTE_SECONDS]

    def confirmed(self, feed: HeadFeed) -> Header | None:
        """Return an endpoint's newest head that most of those who have a say show as well."""
        voters = self._voters()
        if not self.can_vote:
            return feed.head
        if len(voters) < 2:
            # The last one left may be the liar that the others held back until now.
            return feed.head if self._verification.proven(feed) else None
        for head in reversed(feed.recent.values()):
            if self._is_shown(head.ref, voters):
                return head
        return None

    def _is_shown(self, ref: BlockRef, voters: Sequence[HeadFeed]) -> bool:
        shown = self._verification.divergence.shown(ref.number)
        # Of all that are configured, so that two liars do not suffice where two others are away;
        # where fewer than that have a say, all of those must agree.
        needed = min(len(voters), len(self._feeds) // 2 + 1)
        return sum(shown.get(one.name) == ref.hash for one in voters) >= needed

    async def is_on_chain(self, ref: BlockRef) -> bool:
        """Ask the others for the hash of a height that nobody shows any more."""
        if not self.is_quorum:
            return True
        voters = [one for one in self._feeds if one.up and not one.endpoint.resting]
        told = list((await hashes_at(ref.number, voters)).values())
        return 2 * told.count(ref.hash) > len(told)


async def hashes_at(number: int, feeds: Sequence[HeadFeed]) -> dict[HeadFeed, str]:
    """Ask endpoints for their block of a height; who gives none is left out."""
    request = [Request("eth_getBlockByNumber", (hex(number), False))]
    answers = await asyncio.gather(*(feed.endpoint.batch(request) for feed in feeds))
    return {
        feed: block_hash
        for feed, (answer,) in zip(feeds, answers, strict=True)
        if (block_hash := shown_hash(answer)) is not None
    }
