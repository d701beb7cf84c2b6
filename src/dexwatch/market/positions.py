"""What the events of a transaction say about who holds the liquidity of a pool.

A position in a concentrated pool mostly belongs to a position manager, which gives its owner an
NFT. The manager does not tell the pool; but the pool's own event comes first in the same call, with
the same liquidity and amounts, and so the two are matched.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from dexwatch.evm.events import (
    DecreaseLiquidity,
    IncreaseLiquidity,
    NftTransfer,
    Transfer,
    V3Burn,
    V3Mint,
)
from dexwatch.market.block_events import Emitted

ZERO = "0x" + 40 * "0"


@dataclass(frozen=True, slots=True)
class LiquidityChange:
    """Liquidity that a position of a pool gained or lost; `owner` is None while nobody told it."""

    pool: str
    position: str
    owner: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class NewOwner:
    """The NFT of a position went to somebody."""

    position: str
    owner: str


def changes(
    found: Iterable[Emitted], *, managers: Set[str], custodians: Set[str]
) -> list[LiquidityChange | NewOwner]:
    """Return what events in the order of the chain change; new owners come last.

    `custodians` keep liquidity for others, as farms do: what goes in stays its depositor's.
    """
    told: list[LiquidityChange | NewOwner] = []
    owners: list[NewOwner] = []
    unmatched: list[tuple[str, V3Mint | V3Burn]] = []
    for emitter, event in found:
        if isinstance(event, Transfer):
            told.extend(_transfer(emitter, event, custodians))
        elif isinstance(event, V3Mint | V3Burn) and event.liquidity:
            if event.owner in managers:
                unmatched.append((emitter, event))
            else:
                told.append(_direct(emitter, event, event.owner))
        elif isinstance(event, IncreaseLiquidity | DecreaseLiquidity):
            pool = _match(unmatched, emitter, event)
            if pool is not None:
                sign = 1 if isinstance(event, IncreaseLiquidity) else -1
                position = nft(emitter, event.token_id)
                told.append(LiquidityChange(pool, position, None, sign * event.liquidity))
        elif isinstance(event, NftTransfer) and event.recipient not in (ZERO, *custodians):
            owners.append(NewOwner(nft(emitter, event.token_id), event.recipient))
    # Without the manager's word a position has no known owner, and is not taken for the manager's.
    told.extend(_direct(pool, event, None) for pool, event in unmatched)
    return [*told, *owners]


def nft(manager: str, token_id: int) -> str:
    """Return the name of the position that an NFT stands for."""
    return f"{manager}/{token_id}"


def token_of(position: str) -> tuple[str, int] | None:
    """Return manager and token id of a position, None for one without an NFT."""
    manager, _, token_id = position.partition("/")
    return (manager, int(token_id)) if token_id.isdecimal() else None


def _transfer(pair: str, event: Transfer, custodians: Set[str]) -> Iterable[LiquidityChange]:
    if event.sender in custodians or event.recipient in custodians:
        return
    for who, amount in ((event.sender, -event.amount), (event.recipient, event.amount)):
        # The pair holds its own token only within a withdrawal.
        if who not in (ZERO, pair):
            yield LiquidityChange(pair, who, who, amount)


def _direct(pool: str, event: V3Mint | V3Burn, owner: str | None) -> LiquidityChange:
    amount = event.liquidity if isinstance(event, V3Mint) else -event.liquidity
    position = f"{event.owner}/{event.tick_lower}/{event.tick_upper}"
    return LiquidityChange(pool, position, owner, amount)


def _match(
    unmatched: list[tuple[str, V3Mint | V3Burn]],
    manager: str,
    event: IncreaseLiquidity | DecreaseLiquidity,
) -> str | None:
    kind = V3Mint if isinstance(event, IncreaseLiquidity) else V3Burn
    wanted = (manager, event.liquidity, event.amount0, event.amount1)
    for place in range(len(unmatched) - 1, -1, -1):
        pool, candidate = unmatched[place]
        told = (candidate.owner, candidate.liquidity, candidate.amount0, candidate.amount1)
        if isinstance(candidate, kind) and told == wanted:
            del unmatched[place]
            return pool
    return None
