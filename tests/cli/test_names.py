"""What `init` calls pools and tokens: names that tell them apart, whatever the chain says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.cli.draft import Draft, Endpoint, Pool, Token, told_apart
from tests.cli.test_draft import settings_of

ADDRESSES = st.integers(1, 40).map(lambda number: f"0x{number:040x}")
NAMES = st.sampled_from(["USDT", "USDT 000000", "W" * 64, "W" * 70, "x"]) | st.text(max_size=70)


@given(names=st.dictionaries(ADDRESSES, NAMES, max_size=8))
def test_no_two_things_are_called_the_same(names: dict[str, str]) -> None:
    found = told_apart(names)

    assert found.keys() == names.keys()
    assert len(set(found.values())) == len(found)
    assert all(len(name) <= 64 for name in found.values())
    lonely = [a for a, n in names.items() if list(names.values()).count(n) == 1 and len(n) <= 64]
    assert all(found[address].startswith(names[address][:20]) for address in lonely)


def token(symbol: str, number: int) -> Token:
    return Token(symbol, f"0x{number:040x}", 18)


@pytest.mark.parametrize(
    "pools",
    [
        pytest.param(
            [("v3", "USDT", 1, "WBNB", 2, 5.0), ("v3", "USDT", 1, "WBNB", 2, 1.0)], id="fees"
        ),
        pytest.param(
            [("v2", "USDT", 1, "WBNB", 2, 25), ("v2", "USDT", 1, "WBNB", 2, 25)], id="twins"
        ),
        pytest.param(
            [("v2", "USDT", 1, "WBNB", 2, 25), ("v2", "USDT", 3, "WBNB", 2, 25)], id="symbols"
        ),
        pytest.param([("v3", "A" * 32, 1, "B" * 32, 2, 5.0)], id="long"),
        pytest.param([("v2", "USDT", 1, "USDT", 2, 25)], id="one symbol on both sides"),
    ],
)
def test_pools_that_look_alike_get_different_names_and_are_accepted(tmp_path, pools) -> None:
    made = tuple(
        Pool(kind, f"0x{100 + index:040x}", token(a, number), token(b, other), fee)
        for index, (kind, a, number, b, other, fee) in enumerate(pools)
    )

    read = settings_of(
        tmp_path,
        Draft("ana", endpoints=(Endpoint("a", "http://127.0.0.1:1", ""),), pools=made),
    )

    assert len({pool.name for pool in read.dex.pools}) == len(pools)
