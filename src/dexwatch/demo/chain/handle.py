"""What the rest of the sample sees of the chain: endpoints, contracts, accounts, faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dexwatch.demo.node.faults import Faults


@dataclass(frozen=True)
class Token:
    """One ERC-20 of the sample."""

    symbol: str
    address: str
    decimals: int
    usd: float | None = None
    """Set only for a peg; every other token is priced through the pools."""


@dataclass(frozen=True)
class Pool:
    """One pool of the sample; token0 and token1 are symbols in the order of the contract."""

    name: str
    kind: str
    """`v2` or `v3`."""
    address: str
    token0: str
    token1: str
    fee_bps: float


@dataclass(frozen=True)
class Deployment:
    """Addresses of everything that was deployed, 0x and lower case."""

    tokens: Mapping[str, Token]
    """By symbol: WBNB, USDT, CAKE, ETH."""
    pools: Mapping[str, Pool]
    """By name: WBNB/USDT, CAKE/WBNB, ETH/USDT (V2) and WBNB/USDT-V3."""
    router: str
    vault: str
    farm: str
    bot: str
    """Trades directly on the pools, not through the router: arbitrage. Owned by the arbitrageur."""
    owner: str
    """Owner of all contracts; unpauses."""
    guardian: str
    """May pause, never unpause."""
    hot_wallets: tuple[str, ...]
    """Accounts of the exchange's API: funded with BNB and every token, router approved."""


@dataclass(frozen=True)
class Node:
    """One RPC endpoint of the sample: a gateway before anvil."""

    name: str
    http: str
    ws: str
    faults: "Faults"


@dataclass(frozen=True)
class ChainHandle:
    """The running sample chain.

    Accounts are unlocked: `eth_sendTransaction` with `from` set to one of them needs no signature.
    """

    chain_id: int
    anvil: str
    """HTTP address of anvil itself: for the sample's own writes, never faulty."""
    nodes: tuple[Node, ...]
    """node-a and node-b, through which dexwatch watches the chain."""
    platform: Node
    """The node that the exchange itself sends through; not watched by dexwatch."""
    deployment: Deployment
