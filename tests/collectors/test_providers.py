"""Holders of liquidity are counted right, bounded, and dropped blocks leave no trace."""

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.collectors.rolling import SPAN_MS, RollingSum
from dexwatch.evm.events import Transfer, V3Burn, V3Mint
from dexwatch.market.liquidity_providers import ZERO, Providers, changes

POOL = "0x" + "aa" * 20
WHO = st.sampled_from([ZERO, POOL, *("0x" + f"{i:02x}" * 20 for i in range(1, 6))])
MOVES = st.lists(st.builds(Transfer, WHO, WHO, st.integers(0, 9)), max_size=8)


@given(st.lists(MOVES, max_size=6))
def test_holders_are_those_with_a_balance(blocks: list[list[Transfer]]) -> None:
    providers = Providers(limit=100, kept_blocks=10)
    balances: dict[str, int] = {}
    for number, moves in enumerate(blocks):
        for move in moves:
            # Only what can happen: nobody sends what he does not have.
            if move.sender not in (ZERO, POOL) and balances.get(move.sender, 0) < move.amount:
                continue
            providers.apply(changes(POOL, move), block_hash=str(number))
            for who, amount in ((move.sender, -move.amount), (move.recipient, move.amount)):
                balances[who] = balances.get(who, 0) + amount
    holders = {who for who, held in balances.items() if held > 0 and who not in (ZERO, POOL)}
    assert providers.count(POOL) == len(holders)
    for number in reversed(range(len(blocks))):
        providers.retract(str(number))
    assert providers.count(POOL) == 0


def test_owners_of_several_positions_count_once() -> None:
    providers = Providers(limit=10, kept_blocks=4)
    owner = "0x" + "01" * 20
    for lower in (-10, 0):
        providers.apply(changes(POOL, V3Mint(owner, lower, 10, 5, 1, 1)))
    assert providers.count(POOL) == 1
    providers.apply(changes(POOL, V3Burn(owner, 0, 10, 5, 1, 1)))
    assert providers.count(POOL) == 1
    providers.apply(changes(POOL, V3Burn(owner, -10, 10, 5, 1, 1)))
    assert providers.count(POOL) == 0


@given(st.lists(st.tuples(st.integers(0, 3 * SPAN_MS), st.floats(0, 1e6)), max_size=50))
def test_the_rolling_sum_keeps_about_a_day(events: list[tuple[int, float]]) -> None:
    rolling, step = RollingSum(), 300_000
    now = 0
    for at, amount in sorted(events):
        now = at
        rolling.add(at, amount)
    sure = sum(amount for at, amount in events if at > now - SPAN_MS + step)
    most = sum(amount for at, amount in events if at >= now - SPAN_MS - step)
    assert sure - 1e-3 <= rolling.total <= most + 1e-3
    assert len(rolling._steps) <= SPAN_MS // step + 2
