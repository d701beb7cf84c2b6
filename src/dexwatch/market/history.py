"""A pool's state as what the chain told at some block, and what happened in the pool since.

So an answer of a node about an older block is still of use when newer blocks have been evaluated
meanwhile, no event is counted twice, and a dropped block is taken back exactly.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dexwatch.evm.events import Event, V2Sync, V3Burn, V3Collect, V3Mint, V3Swap

_SNAPSHOTS = 64
"""At one in five seconds these reach back over the deepest reorganisation that is followed."""
_BLOCKS = 2_048
"""Blocks with events that are kept apart, if no node answers and no snapshot comes."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """What a pool holds and tells; amounts in the tokens' smallest units, None while unknown."""

    amount0: int | None = None
    amount1: int | None = None
    """A pair's reserves, or what a concentrated pool really holds: its balances."""
    root: int | None = None
    """sqrtPriceX96 of a concentrated pool."""
    tick: int | None = None
    liquidity: int | None = None
    """Of a concentrated pool, in range at its price."""


def after(state: PoolState, event: Event) -> PoolState:
    """Return the state after an event of the pool; what is unknown before stays unknown."""
    if isinstance(event, V2Sync):
        return replace(state, amount0=event.reserve0, amount1=event.reserve1)
    if isinstance(event, V3Swap):
        moved = _moved(state, event.amount0, event.amount1)
        return replace(moved, root=event.sqrt_price_x96, tick=event.tick, liquidity=event.liquidity)
    if isinstance(event, V3Mint):
        moved = _moved(state, event.amount0, event.amount1)
        return _in_range(moved, event, event.liquidity)
    if isinstance(event, V3Burn):
        # The tokens leave with `Collect`.
        return _in_range(state, event, -event.liquidity)
    if isinstance(event, V3Collect):
        return _moved(state, -event.amount0, -event.amount1)
    return state


class PoolHistory:
    """Snapshots and events of a pool by height, on the canonical chain; bounded."""

    def __init__(self) -> None:
        self.state = PoolState()
        self._snapshots: deque[tuple[int, PoolState]] = deque(maxlen=_SNAPSHOTS)
        self._events: deque[tuple[int, list[Event]]] = deque()

    def apply(self, number: int, event: Event) -> None:
        """Take an event of the newest block, or of the one that was told already."""
        if not self._events or self._events[-1][0] != number:
            self._events.append((number, []))
        self._events[-1][1].append(event)
        if not self._snapshots or self._snapshots[-1][0] < number:
            self.state = after(self.state, event)
        if len(self._events) > _BLOCKS:
            self._compact()

    def refresh(self, number: int, told: PoolState) -> None:
        """Take what the chain told of the state after a block of the canonical chain."""
        while self._snapshots and self._snapshots[-1][0] >= number:
            self._snapshots.pop()
        self._snapshots.append((number, told))
        oldest = self._snapshots[0][0]
        while self._events and self._events[0][0] <= oldest:
            self._events.popleft()
        self._fold()

    def retract(self, lowest: int) -> None:
        """Forget everything from this height on."""
        while self._events and self._events[-1][0] >= lowest:
            self._events.pop()
        while self._snapshots and self._snapshots[-1][0] >= lowest:
            self._snapshots.pop()
        self._fold()

    def _fold(self) -> None:
        number, state = self._snapshots[-1] if self._snapshots else (-1, PoolState())
        self.state = _folded(state, (found for at, found in self._events if at > number))

    def _compact(self) -> None:
        number = self._events[_BLOCKS // 2][0]
        told = [(at, state) for at, state in self._snapshots if at <= number]
        first, state = told[-1] if told else (-1, PoolState())
        state = _folded(state, (found for at, found in self._events if first < at <= number))
        later = [(at, known) for at, known in self._snapshots if at > number]
        self._snapshots = deque([(number, state), *later], maxlen=_SNAPSHOTS)
        while self._events and self._events[0][0] <= number:
            self._events.popleft()


def _folded(state: PoolState, blocks: Iterable[list[Event]]) -> PoolState:
    for events in blocks:
        for event in events:
            state = after(state, event)
    return state


def _moved(state: PoolState, amount0: int, amount1: int) -> PoolState:
    if state.amount0 is None or state.amount1 is None:
        return state
    return replace(state, amount0=state.amount0 + amount0, amount1=state.amount1 + amount1)


def _in_range(state: PoolState, event: V3Mint | V3Burn, change: int) -> PoolState:
    tick, liquidity = state.tick, state.liquidity
    if tick is None or liquidity is None or not event.tick_lower <= tick < event.tick_upper:
        return state
    return replace(state, liquidity=max(liquidity + change, 0))
