"""Owners of liquidity are counted right, bounded, and dropped blocks leave no trace."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.evm.events import (
    DecreaseLiquidity,
    IncreaseLiquidity,
    NftTransfer,
    Transfer,
    V3Burn,
    V3Mint,
)
from dexwatch.market.block_events import Emitted
from dexwatch.market.liquidity_providers import LiquidityProviders
from dexwatch.market.positions import ZERO, changes, nft

POOL, OTHER = "0x" + "aa" * 20, "0x" + "ab" * 20
MANAGER, FARM = "0x" + "44" * 20, "0x" + "55" * 20
ANA, BO, CY = ("0x" + f"{i:02x}" * 20 for i in (1, 2, 3))
WHO = st.sampled_from([ZERO, POOL, FARM, *("0x" + f"{i:02x}" * 20 for i in range(1, 6))])
MOVES = st.lists(st.builds(Transfer, WHO, WHO, st.integers(0, 9)), max_size=8)


class Bench:
    """Liquidity providers that are fed transactions."""

    def __init__(self, limit: int = 100, *, reading: bool = False) -> None:
        self.lps = LiquidityProviders(limit, 10, {POOL} if reading else set())

    def take(self, *found: Emitted, block: str = "b", past: bool = False) -> int:
        told = changes(found, managers=frozenset({MANAGER}), custodians=frozenset({FARM}))
        self.lps.apply(told, block_hash=None if past else block, past=past)
        return self.lps.count(POOL)


def minted(token: int, owner: str, liquidity: int = 5, pool: str = POOL) -> tuple[Emitted, ...]:
    """A new position through the manager, in the order of its own contract."""
    return (
        (pool, V3Mint(MANAGER, -10, 10, liquidity, 7, 8)),
        (MANAGER, NftTransfer(ZERO, owner, token)),
        (MANAGER, IncreaseLiquidity(token, liquidity, 7, 8)),
    )


def burnt(token: int, liquidity: int = 5) -> tuple[Emitted, ...]:
    return (
        (POOL, V3Burn(MANAGER, -10, 10, liquidity, 7, 8)),
        (MANAGER, DecreaseLiquidity(token, liquidity, 7, 8)),
    )


@given(st.lists(MOVES, max_size=6))
def test_holders_are_those_with_a_balance(blocks: list[list[Transfer]]) -> None:
    bench = Bench()
    balances: dict[str, int] = {}
    for number, moves in enumerate(blocks):
        for move in moves:
            sides = (move.sender, move.recipient)
            # Only what can happen: nobody sends what he does not have.
            if move.sender not in (ZERO, POOL, FARM) and balances.get(move.sender, 0) < move.amount:
                continue
            bench.take((POOL, move), block=str(number))
            # What lies in a farm is its depositor's.
            if FARM not in sides:
                for who, amount in ((move.sender, -move.amount), (move.recipient, move.amount)):
                    balances[who] = balances.get(who, 0) + amount
    holders = {who for who, held in balances.items() if held > 0 and who not in (ZERO, POOL)}
    assert bench.lps.count(POOL) == len(holders)
    for number in reversed(range(len(blocks))):
        bench.lps.retract(str(number))
    assert bench.lps.count(POOL) == 0


def test_owners_of_several_positions_count_once() -> None:
    bench = Bench()
    assert bench.take((POOL, V3Mint(ANA, -10, 10, 5, 1, 1))) == 1
    assert bench.take((POOL, V3Mint(ANA, 0, 10, 5, 1, 1))) == 1
    assert bench.take(*minted(1, ANA)) == 1
    assert bench.take((POOL, V3Burn(ANA, 0, 10, 5, 1, 1))) == 1
    assert bench.take((POOL, V3Burn(ANA, -10, 10, 5, 1, 1))) == 1
    assert bench.take(*burnt(1)) == 0


def test_a_position_is_its_nft_owners() -> None:
    bench = Bench()
    # Two of the same range and size in one transaction, and one of a pool that is not ours.
    assert bench.take(*minted(1, ANA), *minted(2, BO), *minted(3, CY, pool=OTHER)) == 2
    assert bench.take((MANAGER, NftTransfer(BO, ANA, 2))) == 1
    assert bench.take((MANAGER, NftTransfer(ANA, CY, 3))) == 1
    assert bench.take((MANAGER, NftTransfer(ANA, CY, 1))) == 2
    # A farm keeps it for its owner.
    assert bench.take((MANAGER, NftTransfer(CY, FARM, 1))) == 2
    assert bench.take((MANAGER, NftTransfer(FARM, ANA, 1))) == 1
    # Only collecting fees burns nothing.
    assert bench.take((POOL, V3Burn(MANAGER, -10, 10, 0, 0, 0))) == 1
    assert bench.take(*burnt(1), *burnt(2)) == 0


def test_positions_without_a_known_owner_count_one_each() -> None:
    bench = Bench()
    for place in range(3):
        bench.take((POOL, V3Mint(MANAGER, -10 * place, 10, 5, 1, 1)))
    assert bench.lps.count(POOL) == 3


def test_a_dropped_block_gives_the_nft_back() -> None:
    bench = Bench()
    bench.take(*minted(1, ANA), block="1")
    bench.take(*minted(2, BO), block="2")
    bench.take((MANAGER, NftTransfer(BO, ANA, 2)), block="3")
    bench.take(*burnt(1), *burnt(2), block="4")
    counts = []
    for block in "4321":
        bench.lps.retract(block)
        counts.append(bench.lps.count(POOL))
    assert counts == [1, 2, 1, 0]


def test_unknown_owners_are_read_once() -> None:
    bench = Bench()
    bench.take((POOL, V3Mint(MANAGER, -9, 9, 5, 7, 8)), (MANAGER, IncreaseLiquidity(7, 5, 7, 8)))
    assert bench.lps.count(POOL) == 1
    assert bench.lps.without_owner(9) == [nft(MANAGER, 7)]
    assert bench.lps.without_owner(9) == []
    bench.take((POOL, V3Mint(ANA, 0, 10, 5, 1, 1)), (MANAGER, NftTransfer(BO, ANA, 7)))
    assert bench.lps.count(POOL) == 1


def test_the_past_may_come_after_the_present() -> None:
    bench = Bench(reading=True)
    # Withdrawn and handed on before we know of the deposits.
    assert bench.take((POOL, Transfer(ANA, ZERO, 5))) == 0
    bench.take((MANAGER, NftTransfer(BO, CY, 4)))
    assert bench.take((POOL, Transfer(ZERO, ANA, 5)), past=True) == 0
    bench.take((POOL, Transfer(ZERO, BO, 5)), *minted(4, ANA), past=True)
    bench.take((MANAGER, NftTransfer(ANA, BO, 4)), past=True)
    # Bo has the pair's token; the NFT is Cy's, whatever its past.
    assert bench.lps.count(POOL) == 2
    bench.lps.finish(POOL)
    assert bench.lps.count(POOL) == 2
    assert bench.take((POOL, Transfer(BO, ANA, 5))) == 2


def test_positions_are_bounded_and_the_refused_are_counted() -> None:
    bench = Bench(limit=3)
    for token in range(9):
        bench.take(*minted(token, f"0x{token + 1:040x}"))
    assert bench.lps.count(POOL) == 3
    assert bench.lps.refused == 6


def test_what_is_kept_comes_back_as_it_was() -> None:
    bench, again = Bench(reading=True), Bench(reading=True)
    bench.take(*minted(1, ANA, 2**127), (POOL, Transfer(BO, ZERO, 5)))
    bench.take((MANAGER, NftTransfer(BO, CY, 4)))
    again.lps.load(json.loads(json.dumps(bench.lps.dump())))
    assert again.lps.dump() == bench.lps.dump()
    for one in (bench, again):
        one.take(*minted(4, BO), (POOL, Transfer(ZERO, BO, 5)), past=True)
        one.lps.finish(POOL)
        assert one.lps.count(POOL) == 2
        assert one.take(*burnt(1, 2**127)) == 1
