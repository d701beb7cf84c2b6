"""Deploy the sample exchange on a fresh anvil: tokens, PancakeSwap's pools, router, vault, farm."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from eth_utils.crypto import keccak

from dexwatch.demo.chain.accounts import Accounts
from dexwatch.demo.chain.handle import Deployment, Pool, Token
from dexwatch.demo.chain.rpc import Rpc, encode_arguments, encode_call
from dexwatch.demo.chain.transactions import (
    GAS_CREATING,
    GAS_SETTING_UP,
    Transaction,
    Transactions,
    call,
)

E18 = 10**18
START_USD = {"WBNB": 600.0, "USDT": 1.0, "CAKE": 2.5, "ETH": 3500.0}
"""Prices at which the pools open."""

ARTEFACTS = {"WBNB": "WrappedBnb", "CAKE": "Token", "ETH": "Token", "USDT": "Token"}
"""Of tokens; everything else is named as its artefact."""

V2_PAIRS = (("WBNB", "USDT", 30e6), ("CAKE", "WBNB", 4e6), ("ETH", "USDT", 8e6))
"""Tokens of a pair and the dollars on each side."""

V3_NAME, V3_FEE, V3_SPACING, V3_USD, V3_RANGE = "WBNB/USDT-V3", 500, 10, 2e6, 0.3
LAST_BLUEPRINT_BYTE = "fe7100"  # ERC-5202: blueprint, version 0, no data section.
MAX_UINT = 2**256 - 1
step = partial(call, gas=GAS_SETTING_UP)


async def deploy(rpc: Rpc, artefacts: Mapping[str, str], accounts: Accounts) -> Deployment:
    """Deploy and fund everything; takes about a second.

    Raises:
        TransactionError: a transaction was refused, reverted, or not taken into a block in time.
    """
    return await _Deploy(rpc, artefacts, accounts).run()


class _Deploy:
    def __init__(self, rpc: Rpc, artefacts: Mapping[str, str], accounts: Accounts) -> None:
        self.rpc, self.artefacts, self.accounts = rpc, artefacts, accounts
        self.at: dict[str, str] = {}
        self.pools: dict[str, Pool] = {}
        self.tokens: dict[str, Token] = {}
        self._send = Transactions(rpc).send

    async def run(self) -> Deployment:
        await self._create_contracts()
        await self._fund()
        await self._create_pairs()
        await self._create_v3_pool()
        await self._add_liquidity()
        who = self.accounts
        return Deployment(
            tokens=self.tokens,
            pools=self.pools,
            router=self.at["Router"],
            vault=self.at["Vault"],
            farm=self.at["Farm"],
            bot=self.at["Bot"],
            owner=who.owner,
            guardian=who.guardian,
            hot_wallets=who.hot_wallets,
        )

    async def _create_contracts(self) -> None:
        who = self.accounts
        pool_code = bytes.fromhex(self.artefacts["PancakeV3Pool"][2:])
        await self._create(
            *_token_creations(who.owner),
            ("PancakeFactory", who.owner, ("address",), (who.owner,)),
            ("Vault", who.owner, ("address",), (who.guardian,)),
            ("Bot", who.arbitrageur, (), ()),
            (
                "Router",
                who.owner,
                ("address", "address", "uint256"),
                (who.guardian, who.treasury, 5),
            ),
        )
        blueprint = Transaction(who.owner, None, _blueprint(pool_code), GAS_CREATING)
        [stored] = await self._send([blueprint])
        cake = self.at["CAKE"]
        await self._create(
            ("PoolDeployer", who.owner, ("address",), (stored,)),
            (
                "Farm",
                who.owner,
                (*["address"] * 3, "uint256"),
                (who.guardian, cake, cake, E18 // 100),
            ),
        )
        deployer = self.at["PoolDeployer"]
        await self._create(("PancakeV3Factory", who.owner, ("address",), (deployer,)))
        self.tokens = {
            symbol: Token(symbol, self.at[symbol], 18, usd=1.0 if symbol == "USDT" else None)
            for symbol in START_USD
        }

    async def _fund(self) -> None:
        who, spenders = self.accounts, ("Router", "Vault", "Farm")
        steps: list[Transaction] = []
        for user in who.users:
            steps += [
                step(who.owner, self.at[symbol], "mint(address,uint256)", user, 10**9 * E18)
                for symbol in ("USDT", "CAKE", "ETH")
            ]
            wrap = encode_call("deposit()")
            steps.append(Transaction(user, self.at["WBNB"], wrap, value=500_000 * E18))
            steps += [
                step(user, self.at[symbol], "approve(address,uint256)", self.at[spender], MAX_UINT)
                for symbol in START_USD
                for spender in spenders
            ]
        farm = step(
            who.owner, self.at["CAKE"], "mint(address,uint256)", self.at["Farm"], 10**8 * E18
        )
        await self._send([*steps, farm])

    async def _create_pairs(self) -> None:
        owner, factory = self.accounts.owner, self.at["PancakeFactory"]
        create = "createPair(address,address)"
        await self._send(
            [
                step(owner, factory, create, self.at[a], self.at[b], gas=GAS_CREATING)
                for a, b, _ in V2_PAIRS
            ]
        )
        for a, b, _ in V2_PAIRS:
            signature = "getPair(address,address)(address)"
            [pair] = await self.rpc.view(factory, signature, self.at[a], self.at[b])
            self._record_pool(f"{a}/{b}", "v2", pair, (a, b), 25.0)

    async def _create_v3_pool(self) -> None:
        owner, factory = self.accounts.owner, self.at["PancakeV3Factory"]
        pair = (self.at["WBNB"], self.at["USDT"])
        set_factory = step(owner, self.at["PoolDeployer"], "setFactory(address)", factory)
        creation = "createPool(address,address,uint24)"
        create = step(owner, factory, creation, *pair, V3_FEE, gas=GAS_CREATING)
        await self._send([set_factory, create])
        [pool] = await self.rpc.view(
            factory, "getPool(address,address,uint24)(address)", *pair, V3_FEE
        )
        self._record_pool(V3_NAME, "v3", pool, ("WBNB", "USDT"), V3_FEE / 100)
        known = self.pools[V3_NAME]
        price = START_USD[known.token0] / START_USD[known.token1]
        root = int(math.sqrt(price) * 2**96)
        await self._send([step(owner, pool, "initialize(uint160)", root)])

    async def _add_liquidity(self) -> None:
        router, lps = self.at["Router"], self.accounts.lps
        steps: list[Transaction] = []
        for a, b, usd in V2_PAIRS:
            pool = self.pools[f"{a}/{b}"]
            each = [
                int(usd / len(lps) / START_USD[token] * E18) for token in (pool.token0, pool.token1)
            ]
            add = "addLiquidityV2(address,uint256,uint256)"
            steps += [step(who, router, add, pool.address, *each) for who in lps]
        v3 = self.pools[V3_NAME]
        lower, upper, liquidity = v3_position(v3, V3_USD / len(lps))
        add = "addLiquidityV3(address,int24,int24,uint128)"
        steps += [step(who, router, add, v3.address, lower, upper, liquidity) for who in lps]
        approve, unlimited = "approve(address,uint256)", MAX_UINT
        pairs = [pool.address for pool in self.pools.values() if pool.kind == "v2"]
        steps += [step(who, pair, approve, router, unlimited) for who in lps for pair in pairs]
        arbitrageur, bot = self.accounts.arbitrageur, self.at["Bot"]
        for symbol, usd in START_USD.items():
            amount = int(50e6 / usd) * E18
            send = "transfer(address,uint256)"
            steps.append(step(arbitrageur, self.at[symbol], send, bot, amount))
        for who in self.accounts.traders:
            steps.append(step(who, self.at["Farm"], "stake(uint256)", 1000 * E18))
            deposit = "deposit(address,uint256)"
            steps.append(step(who, self.at["Vault"], deposit, self.at["USDT"], 1000 * E18))
        await self._send(steps)

    def _record_pool(
        self, name: str, kind: str, address: str, symbols: tuple[str, str], fee: float
    ) -> None:
        first, second = sorted(symbols, key=lambda symbol: self.at[symbol])
        self.pools[name] = Pool(name, kind, address.lower(), first, second, fee)

    async def _create(self, *wanted: "_Creation") -> None:
        steps: list[Transaction] = []
        for name, sender, types, args in wanted:
            code = self.artefacts[ARTEFACTS.get(name, name)]
            code += encode_arguments(types, *args)
            steps.append(Transaction(sender, None, code, GAS_CREATING))
        for (name, *_), address in zip(wanted, await self._send(steps), strict=True):
            self.at[name] = address


def _token_creations(owner: str) -> list["_Creation"]:
    """Order the tokens so that their addresses ascend as in the pools' names.

    A pool's token0 is the lower address; so a WBNB/USDT pool's price is dollars for one WBNB.
    """
    texts = ("string", "string", "uint8")
    creations: list[_Creation] = [
        ("CAKE", owner, texts, ("Cake", "CAKE", 18)),
        ("WBNB", owner, (), ()),
        ("ETH", owner, texts, ("Ether", "ETH", 18)),
        ("USDT", owner, texts, ("Tether USD", "USDT", 18)),
    ]
    nonces = sorted(range(len(creations)), key=lambda nonce: _created_address(owner, nonce))
    by_nonce = dict(zip(nonces, creations, strict=True))
    return [by_nonce[nonce] for nonce in sorted(by_nonce)]


def _created_address(sender: str, nonce: int) -> bytes:
    """Return where a contract created by `sender` with a nonce below 128 will lie."""
    # RLP of the list (20 bytes, one small number); zero is the empty string 0x80.
    rlp = b"\xd6\x94" + bytes.fromhex(sender[2:]) + (bytes([nonce]) if nonce else b"\x80")
    return keccak(rlp)[12:]


_Creation = tuple[str, str, Sequence[str], Sequence[Any]]


def _blueprint(creation_code: bytes) -> str:
    """Return code that deploys a contract of which others are created (ERC-5202)."""
    stored = bytes.fromhex(LAST_BLUEPRINT_BYTE) + creation_code
    # PUSH2 length, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN
    loader = b"\x61" + len(stored).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3")
    return "0x" + (loader + stored).hex()


def v3_position(pool: Pool, usd: float) -> tuple[int, int, int]:
    """Return lower tick, upper tick and liquidity worth about `usd` dollars a side at the start."""
    price = START_USD[pool.token0] / START_USD[pool.token1]
    low, high = (_tick(price * factor) for factor in (1 - V3_RANGE, 1 / (1 - V3_RANGE)))
    amount0 = usd / START_USD[pool.token0] * E18
    liquidity = amount0 / (1 / math.sqrt(price) - 1 / math.sqrt(1.0001**high))
    return low, high, int(liquidity)


def _tick(price: float) -> int:
    return int(math.log(price) / math.log(1.0001)) // V3_SPACING * V3_SPACING
