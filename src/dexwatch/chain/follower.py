"""Follows a reader's canonical chain: in order, gaps filled, parents checked, forks walked.

What is handed on is exactly the canonical chain: each block once, in order; a reorganisation is
told before the blocks that replace what it dropped.
Nothing is skipped silently: a block that nobody can read is skipped by decision, and counted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import structlog

from dexwatch.chain.fetch import BlockReader
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Block, BlockRef, Header
from dexwatch.evm.chain import UNKNOWN, ChainWindow
from dexwatch.evm.sequence import ChainEvent, Reorg, Skip
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_AT_ONCE = 8
"""Blocks that are asked for side by side while a gap is filled."""
_BY_PARENT = 4
"""A gap up to so many blocks is read back from the head by parent hashes, one after the other."""
_SETTLED_BLOCKS = 2
"""So far below the head the receipts of a block are there, where a node has them later."""

_log = structlog.get_logger("dexwatch.blocks")


class ReorgRefusedError(SourceError):
    """A node's chain leads away from what we evaluated, and another node still extends that."""

    def __init__(self, reorg: Reorg) -> None:
        detail = f"a {reorg.cause} of {reorg.depth} blocks that another endpoint contradicts"
        super().__init__(Outcome.RPC_ERROR, detail)


class UnconfirmedError(SourceError):
    """A node gave a block for a height at which most of the others have another."""

    def __init__(self, ref: BlockRef) -> None:
        super().__init__(Outcome.RPC_ERROR, f"block {ref.number} is not that of the others")


class BlockFollower:
    """Brings the evaluated chain up to a head; one call at a time."""

    def __init__(
        self,
        series: Series,
        *,
        depth: int,
        max_catch_up: int,
        append: Callable[[Sequence[ChainEvent]], Awaitable[None]],
        approve: Callable[[Reorg], Awaitable[bool]] | None = None,
        confirm: Callable[[BlockRef], Awaitable[bool]] | None = None,
        resume: Sequence[BlockRef] = (),
        resume_ms: int = 0,
    ) -> None:
        self._series = series
        self._depth = depth
        self._max_catch_up = max_catch_up
        self._append = append
        self._approve = approve
        self._confirm = confirm
        self._begin: int | None = None
        self._window = ChainWindow(depth)
        self._tip_ms = resume_ms
        """The time of the newest evaluated block, by which a node that lags is told from a new
        chain; after a restart, too, when the node may have forgotten more than we did."""
        self._target = 0
        self._counts = {"produced": 0, "seen": 0, "lost": 0}
        for ref in resume:
            self._window.append(ref)
        self._count()

    @property
    def tip(self) -> BlockRef | None:
        """The newest evaluated block."""
        return self._window.tip

    def recent(self, count: int) -> tuple[BlockRef, ...]:
        """Return the newest evaluated blocks, oldest first: what a restart goes on from."""
        return self._window.newest(count)

    async def follow(self, reader: BlockReader, head: Header) -> None:
        """Evaluate everything from the tip to `head` as the reader sees it.

        Raises:
            SourceError: a block could not be read; what was evaluated so far stays, and the next
                call goes on from there.
        """
        ref = head.ref
        if ref.hash in self._window or self._is_stale(head):
            return
        tip = self.tip
        if tip is not None and ref.number - tip.number > self._max_catch_up:
            # Before anything is skipped for it, the head must be there, not merely be claimed.
            shown = await _read(reader, ref.number)
            if shown.ref.hash != ref.hash:
                raise SourceError(Outcome.MALFORMED, "the head is not the node's own block")
        self._announce(ref.number)
        await self._leave_behind(ref.number)
        if self.tip is None:
            await self._start(reader, ref)
        while self.tip is not None and self.tip.number + _BY_PARENT < ref.number:
            await self._fill(reader, self.tip.number + 1, ref.number)
        if ref.hash not in self._window:
            await self._link(reader, _needed(await reader.by_hash(ref.hash), ref.number), head)

    async def _start(self, reader: BlockReader, head: BlockRef) -> None:
        # The newest block's receipts may not be there yet, and to chase the head would not end:
        # the first head is asked for until it is there, whatever came meanwhile.
        if self._begin is None or not 0 <= head.number - self._begin < self._depth:
            self._begin = head.number
        if self._begin != head.number:
            await self._link(reader, await _read(reader, self._begin))

    async def skip(self, reader: BlockReader, head: BlockRef) -> None:
        """Pass over the next block below `head`, which cannot be read; it counts as lost.

        Where the node lacks it, all that it lacks below `head` goes with it: nodes forget old
        blocks, and to try thousands of them one after the other would never catch up.
        """
        tip = self.tip
        if tip is None:
            self._begin = None
        if tip is None or tip.number >= head.number:
            return
        first = tip.number + 1
        # Nothing is lost for the sake of a head that the node itself does not have.
        if await self._lacks(reader, head.number) or await self._take_alone(reader, first):
            return
        last = max(first, await self._first_kept(reader, first, head.number) - 1)
        _log.error("blocks skipped: not to be read", first=first, count=last + 1 - first)
        await self._skip_range(last, head.number)

    async def _take_alone(self, reader: BlockReader, number: int) -> bool:
        """Ask for a block once more, alone: many side by side may be too much for the node."""
        try:
            await self._fill(reader, number, number + 1)
        except SourceError as error:
            return isinstance(error, UnconfirmedError | ReorgRefusedError)
        return True

    async def _first_kept(self, reader: BlockReader, low: int, head: int) -> int:
        while low < head:
            middle = (low + head) // 2
            if await self._lacks(reader, middle):
                low = middle + 1
            else:
                head = middle
        return low

    async def gives_newer(self, reader: BlockReader, head: BlockRef) -> bool:
        """Does the reader have a settled block above the next one: is it well but for that one?"""
        number, tip = head.number - _SETTLED_BLOCKS, self.tip
        if tip is None or number <= tip.number + 1:
            return False
        try:
            return await reader.by_number(number) is not None
        except SourceError:
            return False

    async def _lacks(self, reader: BlockReader, number: int) -> bool:
        try:
            return await reader.by_number(number) is None
        except SourceError:
            return False

    async def _skip_range(self, last: int, head: int) -> None:
        tip = self.tip
        if tip is not None:
            if last > tip.number + 1:
                self._window.roll_back_to(None)
            self._window.skip(last)
            self._counts["lost"] += last - tip.number
            self._announce(head)
            await self._append([Skip(tip.number + 1, last)])

    def _is_stale(self, head: Header) -> bool:
        # A node that lags by more than the window shows heads that we no longer remember; they are
        # older than our tip, whereas the heads of a chain that began anew are younger.
        bottom = self._window.bottom
        return (
            bottom is not None
            and head.ref.number < bottom.number
            and head.timestamp_ms < self._tip_ms
        )

    async def _leave_behind(self, head: int) -> None:
        tip = self.tip
        if tip is None or head - tip.number <= self._max_catch_up:
            return
        last = head - self._max_catch_up
        count = last - tip.number
        _log.error("blocks skipped: too far behind", first=tip.number + 1, count=count)
        await self._skip_range(last, head)

    async def _fill(self, reader: BlockReader, first: int, head: int) -> None:
        numbers = range(first, min(first + _AT_ONCE, head))
        found = await asyncio.gather(
            *(_read(reader, number) for number in numbers), return_exceptions=True
        )
        blocks: list[Block] = []
        for block in found:
            if isinstance(block, BaseException):
                if not blocks:
                    raise block
                break
            blocks.append(block)
        for parent, child in pairwise(blocks):
            if child.ref.parent != parent.ref.hash:
                raise UnconfirmedError(child.ref)
        if self._confirm is not None and not await self._confirm(blocks[-1].ref):
            raise UnconfirmedError(blocks[-1].ref)
        for block in blocks:
            if self.tip is not None and self.tip.number + 1 != block.ref.number:
                return
            await self._link(reader, block)

    async def _link(self, reader: BlockReader, block: Block, head: Header | None = None) -> None:
        branch, reorg = [block], None
        while not self._window.follows(branch[-1].ref):
            oldest = branch[-1].ref
            bottom = self._window.bottom
            if oldest.parent in self._window:
                reorg = Reorg(self._window.above(oldest.parent), "reorg")
                break
            if bottom is None or oldest.number <= bottom.number or len(branch) >= self._depth:
                if head is not None and head.timestamp_ms < self._tip_ms:
                    return
                reorg = Reorg(self._window.above(None), "reset")
                break
            parent = await reader.by_hash(oldest.parent)
            branch.append(_needed(parent, oldest.number - 1))
        await self._take(reorg, branch[::-1])

    async def _take(self, reorg: Reorg | None, branch: list[Block]) -> None:
        """Replace what fell by the branch, which is one step for everybody who looks on."""
        events: list[ChainEvent] = list(branch)
        if reorg is not None:
            known = tuple(ref for ref in reorg.blocks if ref.hash != UNKNOWN)
            if known:
                reorg = Reorg(known, reorg.cause)
                if self._approve is not None and not await self._approve(reorg):
                    raise ReorgRefusedError(reorg)
                _log.warning("chain reorganised", cause=reorg.cause, depth=reorg.depth)
                events.insert(0, reorg)
            self._window.roll_back_to(None if reorg.cause == "reset" else branch[0].ref.parent)
        for block in branch:
            self._window.append(block.ref)
        self._tip_ms = branch[-1].header.timestamp_ms
        await self._append(events)
        self._counts["seen"] += len(branch)
        self._count()

    def _announce(self, head: int) -> None:
        self._target = head
        self._count()

    def _count(self) -> None:
        # Heights that vanished in a reorganisation before anybody read them make `produced` run
        # ahead for a moment; a counter must not fall, so it waits until the others have caught up.
        tip = self.tip
        waiting = 1 if tip is None and self._target else 0
        if tip is not None:
            waiting = max(self._target - tip.number, 0)
        done = self._counts["seen"] + self._counts["lost"]
        self._counts["produced"] = max(self._counts["produced"], done + waiting)
        for stage, count in self._counts.items():
            self._series.set(chain.blocks, count, stage=stage)
        self._series.set(chain.block_gaps_open, waiting)


async def _read(reader: BlockReader, number: int) -> Block:
    return _needed(await reader.by_number(number), number)


def _needed(block: Block | None, number: int) -> Block:
    if block is None:
        raise SourceError(Outcome.MALFORMED, f"the node has no block {number} and should")
    return block
