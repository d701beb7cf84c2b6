"""`dexwatch init` writes a configuration that the product itself accepts."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.cli.draft import Contract, Draft, Endpoint, Pool, Token, write
from dexwatch.settings import Settings, load

WBNB = Token("WBNB", "0x" + "a" * 40, 18)
USDT = Token("USDT", "0x" + "b" * 40, 18)


def settings_of(folder: Path, draft: Draft) -> Settings:
    file = folder / "dexwatch.yml"
    file.write_text(write(draft), encoding="utf-8")
    (folder / "hook.token").write_text("a-token-that-is-long-enough\n")
    return load(file)


def test_smallest_draft_is_accepted(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, Draft("ana-dex"))

    assert settings.name == "ana-dex"
    assert settings.chain is None


def test_full_draft_is_accepted_and_keeps_every_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANA_DSN", "postgresql://ana@127.0.0.1/exchange")
    monkeypatch.setenv("ANA_SLACK", "xoxb-test")
    draft = Draft(
        "ana-dex",
        endpoints=(Endpoint("node-a", "http://127.0.0.1:8545", "ws://127.0.0.1:8546"),),
        pools=(Pool("v2", "0x" + "c" * 40, WBNB, USDT, 25),),
        contracts=(Contract("contract-1", "0x" + "d" * 40, pausable=True),),
        dsn_env="ANA_DSN",
        redis_url="redis://127.0.0.1:6379",
        nginx_status="http://127.0.0.1/stub_status",
        api_url="http://127.0.0.1/health",
        metrics_address="127.0.0.1:9000",
        channels={
            "email": {"host": ("smtp.example.org",), "to": ("bo@example.org", "ana@example.org")},
            "slack": {"token_env": ("ANA_SLACK",)},
        },
        notes=("node-b: timeout: no answer\nin 5 s",),
    )

    settings = settings_of(tmp_path, draft)

    assert settings.chain is not None
    assert settings.dex.pools[0].fee_bps == 25
    assert settings.dex.contracts[0].pausable
    assert [t.usd for t in settings.dex.tokens] == [None, 1.0]
    assert settings.notify.email is not None
    assert len(next(iter(settings.notify.email.to.values()))) == 2
    assert settings.notify.slack is not None
    assert settings.daemons.probes[0].probe_class == "api"


@settings(max_examples=60)
@given(symbol=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32))
def test_symbol_of_a_strangers_token_cannot_break_out(
    tmp_path_factory: pytest.TempPathFactory, symbol: str
) -> None:
    hostile = Token(symbol, "0x" + "e" * 40, 18)
    draft = Draft(
        "ana-dex",
        endpoints=(Endpoint("node-a", "http://127.0.0.1:8545", ""),),
        pools=(Pool("v2", "0x" + "c" * 40, hostile, USDT, 25),),
    )

    read = settings_of(tmp_path_factory.mktemp("draft"), draft)

    assert read.dex.tokens[0].symbol.startswith(symbol)


def pool(address: int, *, kind: str = "v3", fee_bps: float = 5, token: Token = WBNB) -> Pool:
    return Pool(kind, f"0x{address:040x}", token, USDT, fee_bps)


def names_of(folder: Path, *pools: Pool) -> list[str]:
    """What `init` wrote and the settings accepted."""
    endpoint = Endpoint("node-a", "http://127.0.0.1:8545", "")
    read = settings_of(folder, Draft("ana-dex", endpoints=(endpoint,), pools=pools))
    assert [found.address for found in read.dex.pools] == [p.address for p in pools]
    return [found.name for found in read.dex.pools]


def test_tokens_of_one_symbol_are_told_apart_and_neither_is_taken_for_a_dollar(
    tmp_path: Path,
) -> None:
    false = Token("USDT", "0x" + "f" * 40, 18)
    draft = Draft("ana-dex", pools=(pool(1), pool(2, token=false)))
    tokens = settings_of(tmp_path, draft).dex.tokens
    assert [token.usd for token in tokens] == [None, None, None]
    assert len({token.symbol for token in tokens}) == 3


_SYMBOLS = st.sampled_from([" ", "USDT", "WBNB", "X" * 70, "X" * 71])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(_SYMBOLS, st.sampled_from(["v2", "v3"]), st.sampled_from([1, 5])), max_size=8
    )
)
def test_whatever_init_finds_the_settings_accept(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str, float]]
) -> None:
    pools = [
        pool(place, kind=kind, fee_bps=fee, token=Token(symbol, f"0x{place + 100:040x}", 18))
        for place, (symbol, kind, fee) in enumerate(found)
    ]
    names = names_of(tmp_path_factory.mktemp("draft"), *pools)
    assert len(set(names)) == len(pools)
