"""What an operator says of the exchange: its tokens, pools and contracts."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from dexwatch.config_model import ConfigModel

POSITION_MANAGERS = (
    "0x46a15b0b27311cedf172ab29e4f4766fbe7f4364",
    "0x7b8a01b39d58278b5de7e48c8449c9f4f5170613",
)
"""The NonfungiblePositionManagers of PancakeSwap and Uniswap on BNB Smart Chain."""
PANCAKE_FARMS = (
    "0xa5f8c5dbd5f286960b9d90548680ae5ebff07652",
    "0x556b9306565093c855aea9ae92a594704c2cd59e",
)
"""PancakeSwap's MasterChef V2 and V3 on BNB Smart Chain."""

_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
_SIGNATURE = re.compile(r"^[A-Za-z_]\w*\([\w,\[\]()]*\)$")
_VIEW = re.compile(r"^[A-Za-z_]\w*\([\w,\[\]]*\)\((u?int\d*|bool)\)$")
_TRADE_PARAMETER = re.compile(r"^(?P<type>address|u?int\d*)(?P<indexed> indexed)? (?P<name>\w+)$")
_TRADE = re.compile(r"^(?P<name>[A-Za-z_]\w*)\((?P<parameters>[^()]*)\)$")


def _address(text: str) -> str:
    if not _ADDRESS.match(text):
        raise ValueError(f"{text!r} is no address: write 0x and 40 hexadecimal digits")
    return text.lower()


def _signature(text: str) -> str:
    if not _SIGNATURE.match(text):
        raise ValueError(f"{text!r} is no signature: write it like swap(address,uint256)")
    return text


def _view(text: str) -> str:
    if not _VIEW.match(text):
        raise ValueError(
            f"{text!r}: write name(inputs)(output) with one number, as feeBps()(uint256)"
        )
    return text


Address = Annotated[str, AfterValidator(_address)]
"""An account or contract, kept in lower case."""
Signature = Annotated[str, AfterValidator(_signature)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
"""A label value."""


class TokenConfig(ConfigModel):
    """A token; `usd` only for those pegged to the dollar, the others are priced through pools."""

    symbol: Name
    address: Address
    decimals: Annotated[int, Field(ge=0, le=36)] = 18
    usd: Annotated[float | None, Field(gt=0)] = None


class PoolConfig(ConfigModel):
    """A pool, its kind (`v2`, `v3` of PancakeSwap, `uniswap_v3`) and its fee in hundredths of %."""

    name: Name
    kind: Literal["v2", "v3", "uniswap_v3"] = "v2"
    address: Address
    token0: Name
    token1: Name
    fee_bps: Annotated[float, Field(ge=0, lt=10_000)] = 25
    first_block: Annotated[
        int | None,
        Field(ge=0, description="the pool's first block; from it liquidity providers are counted"),
    ] = None
    entry_price: Annotated[
        float | None,
        Field(
            gt=0,
            description="token1 for one token0 when liquidity was put in; impermanent loss of a"
            " `v2` pool is measured from it, and without it not at all",
        ),
    ] = None


class ViewConfig(ConfigModel):
    """A number that a contract tells, divided by 10 to the power of `decimals`."""

    name: Name
    signature: Annotated[
        str, AfterValidator(_view), Field(description="feeBps()(uint256); inputs need `arguments`")
    ]
    arguments: tuple[str | int | bool, ...] = ()
    decimals: Annotated[int, Field(ge=0, le=77)] = 0


class ContractConfig(ConfigModel):
    """A watched contract: its methods, whether it can pause, its views and its trade event.

    `trade_event` is the declaration of the event by which a router tells of a trade with its quote:
    `Traded(address indexed user, address indexed pool, uint256 amountOut, uint256 quotedOut)`.
    The parameters `pool`, `amountOut` and `quotedOut` must be there; others are skipped.
    """

    name: Name
    address: Address
    kind: Literal["router", "vault", "farm", "token", "factory", "other"] = "other"
    methods: Annotated[tuple[Signature, ...], Field(max_length=100)] = ()
    pausable: bool = False
    views: Annotated[tuple[ViewConfig, ...], Field(max_length=50)] = ()
    trade_event: str | None = None
    events: Annotated[
        tuple[Signature, ...],
        Field(max_length=50, description="events that change its rules, beside the usual ones"),
    ] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        unique("views", [view.name for view in self.views])
        if self.trade_event is not None:
            names = {_plain(name) for name, _, _ in trade_parameters(self.trade_event)}
            if missing := {"pool", "amountout", "quotedout"} - names:
                raise ValueError(
                    f"trade_event: parameters are missing: {', '.join(sorted(missing))}"
                )
        return self


class DexConfig(ConfigModel):
    """The exchange: what is traded, where, and by which contracts."""

    high_value_usd: Annotated[float, Field(gt=0)] = 50_000.0
    tokens: Annotated[tuple[TokenConfig, ...], Field(max_length=500)] = ()
    pools: Annotated[tuple[PoolConfig, ...], Field(max_length=500)] = ()
    contracts: Annotated[tuple[ContractConfig, ...], Field(max_length=100)] = ()
    min_price_depth_usd: Annotated[
        float,
        Field(gt=0, description="with fewer dollars on its priced side a pool sets no price"),
    ] = 1_000.0
    max_liquidity_positions: Annotated[
        int, Field(ge=1, description="liquidity positions kept a pool, at most")
    ] = 20_000
    position_managers: Annotated[
        tuple[Address, ...],
        Field(
            max_length=20,
            description="NFT managers of V3 positions: a position is its NFT owner's;"
            " PancakeSwap's and Uniswap's by default",
        ),
    ] = POSITION_MANAGERS
    liquidity_custodians: Annotated[
        tuple[Address, ...],
        Field(
            max_length=100,
            description="farms and lockers: liquidity sent there stays its depositor's;"
            " PancakeSwap's farms by default",
        ),
    ] = PANCAKE_FARMS

    @property
    def managers(self) -> frozenset[str]:
        """The position managers to follow: none without a concentrated pool."""
        concentrated = any(pool.kind != "v2" for pool in self.pools)
        return frozenset(self.position_managers if concentrated else ())

    @model_validator(mode="after")
    def _check(self) -> Self:
        symbols = [token.symbol for token in self.tokens]
        unique("tokens", symbols)
        unique("pools", [pool.name for pool in self.pools])
        unique("pools", [pool.address for pool in self.pools])
        unique("contracts", [contract.name for contract in self.contracts])
        for pool in self.pools:
            for symbol in (pool.token0, pool.token1):
                if symbol not in symbols:
                    raise ValueError(f"pool {pool.name}: token {symbol} is not listed under tokens")
        return self


def trade_parameters(declaration: str) -> tuple[tuple[str, str, bool], ...]:
    """Split an event's declaration into (name, type, indexed) of its parameters.

    Raises:
        ValueError: the declaration cannot be read; the text says how to write it.
    """
    match = _TRADE.match(declaration.strip().removeprefix("event ").rstrip(";"))
    if match is None:
        raise ValueError(
            f"trade_event {declaration!r}: write Name(type [indexed] name, ...)"
            " with types address, uintN or intN"
        )
    parameters = []
    for text in match["parameters"].split(","):
        part = _TRADE_PARAMETER.match(" ".join(text.split()))
        if part is None:
            raise ValueError(
                f"trade_event: parameter {text.strip()!r} is not `type [indexed] name`"
            )
        parameters.append((part["name"], part["type"], bool(part["indexed"])))
    return tuple(parameters)


def trade_layout(declaration: str) -> tuple[str, dict[str, int], int, int]:
    """Return how to read the event of a trade.

    The canonical signature, the place of `pool`, `amountout` and `quotedout` among the words
    (indexed ones first), the number of data words and of indexed words.

    Raises:
        ValueError: as `trade_parameters`.
    """
    parameters = trade_parameters(declaration)
    name = declaration.strip().removeprefix("event ").split("(", 1)[0]
    types = ({"uint": "uint256", "int": "int256"}.get(kind, kind) for _, kind, _ in parameters)
    ordered = sorted(parameters, key=lambda parameter: not parameter[2])
    places = {_plain(parameter): place for place, (parameter, _, _) in enumerate(ordered)}
    indexed = sum(1 for parameter in parameters if parameter[2])
    return f"{name}({','.join(types)})", places, len(parameters) - indexed, indexed


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def unique(key: str, names: list[str]) -> None:
    """Refuse names that are given twice.

    Raises:
        ValueError: with the key and the names.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{key}: given twice: {', '.join(twice)}")
