"""Which endpoints are on the chain that we evaluated: shown by their heads, or asked beside.

An endpoint is verified when it showed a block that we evaluated, as its own block of that height.
Until then nothing that it claims counts: it is not followed, and no lag is measured against it.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from dexwatch import clock
from dexwatch.chain.endpoint import Request
from dexwatch.chain.heads import HeadFeed
from dexwatch.evm.block import BlockRef, Header
from dexwatch.evm.hexadecimal import MalformedError, field, hash32
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

HEIGHTS_COMPARED = 64
_VALID_SECONDS = 15.0
"""How long an endpoint stays verified by what it showed last."""
_CHECK_SECONDS = 5.0
_CHECK_UNVERIFIED_SECONDS = 0.5
_SETTLED_BLOCKS = 2
"""So far below the tip honest nodes agree: the newest blocks may still be replaced."""


class Verification:
    """Compares the endpoints with the evaluated chain, beside the loop that follows it."""

    def __init__(
        self,
        feeds: Sequence[HeadFeed],
        series: Series,
        *,
        evaluated: Callable[[], Sequence[BlockRef]],
        on_change: Callable[[], None],
    ) -> None:
        self.divergence = HeadDivergence(series, [feed.name for feed in feeds])
        self._feeds = feeds
        self._series = series
        self._evaluated = evaluated
        self._on_change = on_change
        self._seen: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self._elsewhere: set[str] = set()
        for feed in feeds:
            series.set(chain.endpoint_verified, 0.0, endpoint=feed.name)

    def verified(self, feed: HeadFeed) -> bool:
        """Did it show a block of the evaluated chain lately?"""
        seen = self._seen.get(feed.name)
        return seen is not None and clock.monotonic() - seen < _VALID_SECONDS

    def proven(self, feed: HeadFeed) -> bool:
        """Is it verified, or is there nothing yet with which it could be compared?"""
        return not self._evaluated() or self.verified(feed)

    def belongs(self, feed: HeadFeed) -> bool:
        """Was it ever verified, and showed nothing else since? A node that stands still belongs."""
        return feed.name in self._seen and feed.name not in self._elsewhere

    def show_head(self, feed: HeadFeed, head: Header, *, primary: HeadFeed) -> None:
        """An endpoint shows a head, and by that its parent."""
        # With the parent an endpoint that is only polled leaves fewer gaps.
        for ref in (BlockRef(head.ref.number - 1, head.ref.parent, ""), head.ref):
            self.divergence.record(feed.name, ref, primary.name)
        self._show(feed, (head.ref.hash, head.ref.parent))

    def _show(self, feed: HeadFeed, hashes: Sequence[str]) -> None:
        """Those of its blocks that we evaluated verify it."""
        known = {ref.hash for ref in self._evaluated()[-HEIGHTS_COMPARED:]}
        if known.intersection(hashes):
            self._seen[feed.name] = clock.monotonic()
            self._series.set(chain.endpoint_verified, 1.0, endpoint=feed.name)

    async def run(self, primary: Callable[[], HeadFeed]) -> None:
        """Ask those that did not show anything by themselves, until cancelled."""
        while True:
            due = [feed for feed in self._feeds if self._is_due(feed)]
            await asyncio.gather(*(self._ask(feed, primary()) for feed in due))
            for feed in self._feeds:
                if not self.verified(feed):
                    self._series.set(chain.endpoint_verified, 0.0, endpoint=feed.name)
            await asyncio.sleep(_CHECK_UNVERIFIED_SECONDS)

    def _is_due(self, feed: HeadFeed) -> bool:
        if not feed.up or feed.head is None or feed.endpoint.resting or not self._evaluated():
            return False
        every = _CHECK_SECONDS if self.verified(feed) else _CHECK_UNVERIFIED_SECONDS
        now = clock.monotonic()
        return now - max(self._asked.get(feed.name, 0.0), self._shown(feed)) >= every

    def _shown(self, feed: HeadFeed) -> float:
        return self._seen.get(feed.name, 0.0)

    async def _ask(self, feed: HeadFeed, primary: HeadFeed) -> None:
        """Ask for the hashes of a settled height and of the oldest that we remember."""
        self._asked[feed.name] = clock.monotonic()
        known = self._evaluated()
        if not known:
            # Blocks were passed over since it became due: there is nothing to compare with.
            return
        wanted = {known[0], known[max(len(known) - 1 - _SETTLED_BLOCKS, 0)], known[-1]}
        requests = [Request("eth_getBlockByNumber", (hex(ref.number), False)) for ref in wanted]
        before, elsewhere, found = self.verified(feed), False, []
        for ref, answer in zip(wanted, await feed.endpoint.batch(requests), strict=True):
            block_hash = shown_hash(answer)
            if block_hash is None:
                continue
            found.append(block_hash)
            if ref.number <= known[-1].number - _SETTLED_BLOCKS:
                elsewhere = elsewhere or block_hash != ref.hash
                shown = BlockRef(ref.number, block_hash, "")
                self.divergence.record(primary.name, ref, primary.name)
                self.divergence.record(feed.name, shown, primary.name)
        # It may still be verified by its older blocks: when the primary dies on a dead fork, it is
        # the only way to go on, and the reorganisation is told.
        self._show(feed, found)
        (self._elsewhere.add if elsewhere else self._elsewhere.discard)(feed.name)
        if self.verified(feed) != before:
            self._on_change()


def shown_hash(answer: object) -> str | None:
    """Return the hash of the block that an endpoint gave, None where it gave none."""
    try:
        return hash32(field(answer, "hash"), "hash")
    except MalformedError:
        return None


class HeadDivergence:
    """Which endpoint shows another hash than the majority for the same height; bounded."""

    def __init__(self, series: Series, endpoints: Sequence[str]) -> None:
        self._series = series
        self._heights = {name: OrderedDict[int, str]() for name in endpoints}
        """By endpoint, so that one that shows a thousand heights displaces only its own."""
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()
        for name in endpoints:
            series.add(chain.endpoint_divergences, 0, endpoint=name)

    def shown(self, number: int) -> dict[str, str]:
        """Return what each endpoint showed for a height."""
        return {name: own[number] for name, own in self._heights.items() if number in own}

    def record(self, endpoint: str, ref: BlockRef, primary: str) -> None:
        """Note what an endpoint shows; in a tie the primary is believed."""
        own = self._heights[endpoint]
        own[ref.number] = ref.hash
        while len(own) > 2 * HEIGHTS_COMPARED:
            own.popitem(last=False)
        shown = self.shown(ref.number)
        votes = Counter(shown.values())
        if len(votes) < 2:
            return
        most = max(votes.values())
        believed = shown.get(primary)
        if believed is None or votes[believed] < most:
            believed = next(block_hash for block_hash, count in votes.items() if count == most)
        for name, block_hash in shown.items():
            if block_hash != believed and (ref.number, name) not in self._counted:
                self._counted[ref.number, name] = None
                self._series.add(chain.endpoint_divergences, endpoint=name)
        while len(self._counted) > HEIGHTS_COMPARED * 8:
            self._counted.popitem(last=False)
