"""How many liquidity providers (LPs) a pool has: positions by owner; bounded, reversible."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dexwatch.market.positions import LiquidityChange, NewOwner, token_of

_WAITING = 10_000
"""Positions without a known owner that wait to be looked up, at most."""


@dataclass(frozen=True, slots=True)
class _Position:
    owner: str | None
    liquidity: int


@dataclass(frozen=True, slots=True)
class _Undo:
    pool: str
    position: str
    owner: str | None
    amount: int


@dataclass
class LiquidityProviders:
    """Positions by pool; at most `limit` a pool, further ones are counted as `refused`.

    `reading` are the pools whose past is still being read: there a position may be below zero for
    a while, because its withdrawal is known before its deposit.
    A position whose owner is not known counts as one LP.
    """

    limit: int
    kept_blocks: int
    reading: set[str] = field(default_factory=set)
    refused: int = 0
    _held: dict[str, dict[str, _Position]] = field(default_factory=dict)
    _owners: dict[str, Counter[str]] = field(default_factory=dict)
    _pool_of: dict[str, str] = field(default_factory=dict)
    _early: dict[str, str] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _waiting: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _recent: OrderedDict[str, list[_Undo]] = field(default_factory=OrderedDict)

    def count(self, pool: str) -> int:
        """Return how many different owners hold liquidity of a pool."""
        return len(self._owners.get(pool, ()))

    def apply(
        self,
        told: Iterable[LiquidityChange | NewOwner],
        *,
        block_hash: str | None = None,
        past: bool = False,
    ) -> None:
        """Take changes; those of a block can be taken back while the block is recent.

        What is told of the past overrules no owner that the present has told.
        """
        undo: list[_Undo] = []
        for change in told:
            if isinstance(change, NewOwner):
                self._own(change, undo, past=past)
            else:
                self._add(change, undo)
        if block_hash is not None and undo:
            self._recent.setdefault(block_hash, []).extend(undo)
            while len(self._recent) > self.kept_blocks:
                self._recent.popitem(last=False)

    def retract(self, block_hash: str) -> None:
        """Take back the changes of a block that is no longer canonical."""
        for change in reversed(self._recent.pop(block_hash, [])):
            known = self._held.get(change.pool, {}).get(change.position)
            liquidity = (known.liquidity if known else 0) - change.amount
            owner = change.owner or (known.owner if known and change.amount else None)
            self._put(change.pool, change.position, _Position(owner, liquidity))

    def finish(self, pool: str) -> None:
        """The past of a pool is read: what is not above zero now is gone."""
        self.reading.discard(pool)
        held = self._held.get(pool, {})
        for position in [name for name, known in held.items() if known.liquidity <= 0]:
            del held[position]
        if not self.reading:
            self._early.clear()
            self._settled.clear()

    def without_owner(self, most: int) -> list[str]:
        """Return positions with an NFT whose owner has to be asked for; each is given once."""
        found: list[str] = []
        while self._waiting and len(found) < most:
            position, _ = self._waiting.popitem(last=False)
            known = self._held.get(self._pool_of.get(position, ""), {}).get(position)
            if known is not None and known.owner is None and known.liquidity > 0:
                found.append(position)
        return found

    def dump(self) -> dict[str, Any]:
        """Return all that is known, as JSON can hold it."""
        return {
            "held": {
                pool: {name: [known.owner, hex(known.liquidity)] for name, known in held.items()}
                for pool, held in self._held.items()
            },
            "early": dict(self._early),
            "settled": sorted(self._settled),
        }

    def load(self, record: Mapping[str, Any]) -> None:
        """Take what `dump` gave.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is something else.
        """
        for pool, held in record["held"].items():
            for name, (owner, liquidity) in held.items():
                known = _Position(None if owner is None else str(owner), int(liquidity, 16))
                self._put(str(pool), str(name), known)
        self._early.update((str(name), str(owner)) for name, owner in record["early"].items())
        self._settled.update(str(name) for name in record["settled"])

    def _add(self, change: LiquidityChange, undo: list[_Undo]) -> None:
        known = self._held.get(change.pool, {}).get(change.position)
        if known is None and len(self._held.get(change.pool, ())) >= self.limit:
            self.refused += 1
            return
        owner = (known.owner if known else None) or change.owner
        if owner is None:
            owner = self._early.pop(change.position, None)
        before = known.owner if known else None
        undo.append(_Undo(change.pool, change.position, before or owner, change.amount))
        liquidity = (known.liquidity if known else 0) + change.amount
        self._put(change.pool, change.position, _Position(owner, liquidity))

    def _own(self, change: NewOwner, undo: list[_Undo], *, past: bool) -> None:
        pool = self._pool_of.get(change.position, "")
        known = self._held.get(pool, {}).get(change.position)
        if known is None:
            # The position may be of a pool of ours whose past has not come so far yet.
            if not past and self.reading and len(self._early) < self.limit:
                self._early[change.position] = change.owner
                self._settled.add(change.position)
            return
        if past and change.position in self._settled:
            return
        if not past and self.reading:
            self._settled.add(change.position)
        undo.append(_Undo(pool, change.position, known.owner, 0))
        self._put(pool, change.position, _Position(change.owner, known.liquidity))

    def _put(self, pool: str, position: str, new: _Position) -> None:
        held = self._held.setdefault(pool, {})
        owners = self._owners.setdefault(pool, Counter())
        old = held.pop(position, None)
        if old is not None and old.liquidity > 0:
            name = old.owner or position
            owners[name] -= 1
            if not owners[name]:
                del owners[name]
        if new.liquidity > 0:
            owners[new.owner or position] += 1
        # Below zero: the position had liquidity from before we began to look.
        if new.liquidity > 0 or (new.liquidity < 0 and pool in self.reading):
            held[position] = new
            if token_of(position) is not None:
                self._pool_of[position] = pool
                if new.owner is None and len(self._waiting) < _WAITING:
                    self._waiting[position] = None
        else:
            self._pool_of.pop(position, None)
