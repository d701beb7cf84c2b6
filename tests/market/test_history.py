"""A pool's state is what the chain told plus what happened since, whatever came when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.evm.events import Event, V2Sync, V3Burn, V3Collect, V3Mint, V3Swap
from dexwatch.market.history import PoolHistory, PoolState, after

WHO = "0x" + "0a" * 20
_AMOUNT = st.integers(0, 10**6)
_EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(V3Swap, st.just(WHO), st.just(WHO), _AMOUNT, _AMOUNT, st.integers(1, 99), _AMOUNT,
              st.integers(-9, 9)),
    st.builds(V3Mint, st.just(WHO), st.just(-5), st.just(5), _AMOUNT, _AMOUNT, _AMOUNT),
    st.builds(V3Burn, st.just(WHO), st.just(-5), st.just(5), st.just(0), _AMOUNT, _AMOUNT),
    st.builds(V3Collect, st.just(WHO), st.just(-5), st.just(5), _AMOUNT, _AMOUNT),
    st.builds(V2Sync, _AMOUNT, _AMOUNT),
)  # fmt: skip
_BLOCK = st.lists(_EVENTS, max_size=3)
START = PoolState(10**9, 10**9, 50, 0, 10**7)


class Machine:
    """The canonical chain with the true state after each block, beside the history under test."""

    def __init__(self) -> None:
        self.blocks: list[list[Event]] = []
        self.history = PoolHistory()

    def truth(self, height: int | None = None) -> PoolState:
        state = START
        for events in self.blocks[: len(self.blocks) if height is None else height]:
            for event in events:
                state = after(state, event)
        return state

    def mine(self, events: list[Event]) -> None:
        self.blocks.append(events)
        for event in events:
            self.history.apply(len(self.blocks), event)

    def drop(self, depth: int) -> None:
        kept = max(len(self.blocks) - depth, 0)
        del self.blocks[kept:]
        self.history.retract(kept + 1)

    def answer(self, age: int) -> None:
        """A node's answer about a block comes when newer ones have been evaluated."""
        height = max(len(self.blocks) - age, 0)
        self.history.refresh(height, self.truth(height))


_STEP = st.one_of(
    st.tuples(st.just("mine"), _BLOCK),
    st.tuples(st.just("drop"), st.integers(1, 4)),
    st.tuples(st.just("answer"), st.integers(0, 5)),
)


@settings(max_examples=300)
@given(st.lists(_STEP, max_size=25))
def test_blocks_reorganisations_and_late_answers_leave_the_true_state(
    steps: list[tuple[str, object]],
) -> None:
    machine = Machine()
    machine.history.refresh(0, START)
    for name, argument in steps:
        getattr(machine, name)(argument)
        assert machine.history.state == machine.truth()


def test_a_balance_without_an_event_is_unknown() -> None:
    history = PoolHistory()
    history.apply(1, V3Mint(WHO, -5, 5, 7, 1, 1))
    assert history.state == PoolState()
    history.apply(2, V2Sync(3, 4))
    assert (history.state.amount0, history.state.amount1) == (3, 4)
    # The block that told it is gone, and so is what it told.
    history.retract(2)
    assert history.state == PoolState()


def test_liquidity_counts_in_range_only() -> None:
    history = PoolHistory()
    history.refresh(0, PoolState(0, 0, 1, 5, 100))
    history.apply(1, V3Mint(WHO, 5, 9, 7, 0, 0))
    assert history.state.liquidity == 107
    history.apply(1, V3Mint(WHO, -5, 5, 7, 0, 0))
    assert history.state.liquidity == 107
    history.apply(1, V3Burn(WHO, 5, 9, 7, 0, 0))
    assert history.state.liquidity == 100


def test_without_any_answer_it_stays_bounded_and_right() -> None:
    machine = Machine()
    machine.history.refresh(0, START)
    for number in range(5_000):
        machine.mine([V3Mint(WHO, -5, 5, 1, number, 1)])
    assert machine.history.state == machine.truth()
    assert len(machine.history._events) <= 2_048
    machine.drop(900)
    assert machine.history.state == machine.truth()
