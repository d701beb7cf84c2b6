"""The window of the evaluated chain holds only linked blocks, and a bounded number of them."""

import pytest

from dexwatch.evm.block import BlockRef
from dexwatch.evm.chain import ChainWindow


def ref(number: int, branch: str = "a", parent: str | None = None) -> BlockRef:
    return BlockRef(number, f"{branch}{number}", parent or f"{branch}{number - 1}")


def window(last: int, depth: int = 4) -> ChainWindow:
    found = ChainWindow(depth)
    for number in range(1, last + 1):
        found.append(ref(number))
    return found


def test_only_the_child_of_the_tip_may_follow() -> None:
    chain = window(3)
    for wrong in (ref(3), ref(5), ref(4, "b"), ref(4, parent="a2")):
        assert not chain.follows(wrong)
        with pytest.raises(ValueError, match="does not follow"):
            chain.append(wrong)
    chain.append(ref(4))
    assert chain.tip == ref(4)


def test_old_blocks_are_forgotten() -> None:
    chain = window(10)
    assert chain.bottom == ref(7)
    assert "a6" not in chain
    assert "a7" in chain
    assert chain.newest(10) == (ref(7), ref(8), ref(9), ref(10))


def test_rolling_back_gives_the_dropped_blocks_newest_first() -> None:
    chain = window(4)
    assert chain.roll_back_to("a2") == (ref(4), ref(3))
    assert chain.tip == ref(2)
    assert "a3" not in chain
    assert chain.roll_back_to(None) == (ref(2), ref(1))
    assert chain.tip is None


def test_a_block_that_was_given_up_lets_any_child_follow() -> None:
    chain = window(3)
    chain.skip(4)
    assert chain.follows(ref(5, "unknown"))
    assert not chain.follows(ref(6))
