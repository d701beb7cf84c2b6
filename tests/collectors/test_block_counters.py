"""A counter never falls, and what both branches of a fork hold is counted once."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.metrics.metric import Unit, counter, histogram
from dexwatch.metrics.sample import Distribution
from dexwatch.metrics.series import Series

DOLLARS = counter("dollars_total", "Dollars.", labels=("pool",))
SIZE = histogram("size", "Size.", unit=Unit.USD, buckets=(10, 100), labels=("pool",))
_BLOCK = st.lists(st.decimals(0, 200, places=2), max_size=4)
_STEP = st.tuples(st.integers(0, 3), _BLOCK)


class Chain:
    """Blocks with amounts, counted as they come."""

    def __init__(self) -> None:
        self.series = Series()
        self.counters = BlockCounters(self.series, 100)
        self.blocks: list[tuple[str, list[Decimal]]] = []
        self.made = 0

    def mine(self, amounts: list[Decimal]) -> None:
        self.made += 1
        self.blocks.append((str(self.made), amounts))
        self.counters.begin(str(self.made))
        for amount in amounts:
            self.counters.add(DOLLARS, amount, pool="a")
            self.counters.observe(SIZE, amount, pool="a")

    def drop(self, depth: int) -> None:
        for _ in range(min(depth, len(self.blocks))):
            self.counters.retract(self.blocks.pop()[0])

    @property
    def dollars(self) -> float:
        return self.series.value(DOLLARS, pool="a") or 0.0

    @property
    def sizes(self) -> int:
        for sample in self.series.samples():
            if isinstance(sample.value, Distribution):
                return sample.value.total
        return 0


@given(st.lists(_STEP, max_size=12))
def test_a_counter_is_the_highest_true_sum_that_ever_was(
    steps: list[tuple[int, list[Decimal]]],
) -> None:
    chain, highest = Chain(), 0.0
    for depth, amounts in steps:
        before = chain.dollars
        chain.drop(depth)
        assert chain.dollars == before
        chain.mine(amounts)
        true = float(sum(sum(amounts) for _, amounts in chain.blocks))
        highest = max(highest, true)
        assert abs(chain.dollars - highest) < 1e-6


@given(st.lists(_BLOCK, min_size=1, max_size=6), st.integers(1, 6))
def test_the_same_transactions_in_a_replacing_branch_change_nothing(
    blocks: list[list[Decimal]], depth: int
) -> None:
    chain = Chain()
    for amounts in blocks:
        chain.mine(amounts)
    before = chain.dollars, chain.sizes
    chain.drop(depth)
    for amounts in blocks[max(len(blocks) - depth, 0) :]:
        chain.mine(amounts)
    assert abs(chain.dollars - before[0]) < 1e-6
    assert chain.sizes == before[1] == sum(map(len, blocks))


def test_blocks_that_are_too_old_to_be_dropped_are_let_go() -> None:
    chain = Chain()
    for _ in range(300):
        chain.mine([Decimal(1)])
    assert len(chain.counters._blocks) == 100
