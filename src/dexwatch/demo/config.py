"""Options of the sample, its ports, and the dexwatch.yml that it writes for itself."""

import io
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dexwatch.console.access.users import Role, write
from dexwatch.demo.chain.handle import ChainHandle

CONSOLE_PORT = 8900
USER = "ana"
TRADED = (
    "Traded(address indexed user, address indexed pool, address tokenIn, uint256 amountIn, "
    "uint256 amountOut, uint256 quotedOut, uint256 minOut)"
)


@dataclass
class Ports:
    """Hands out free loopback ports, each once, and remembers what for."""

    taken: dict[str, int] = field(default_factory=dict)

    def take(self, name: str, *, wish: int | None = None) -> int:
        """Return a free port, the wished one if it is free; the same name keeps its port."""
        if name not in self.taken:
            free = wish is not None and wish not in self.taken.values() and _is_free(wish)
            self.taken[name] = wish if free and wish is not None else self._any()
        return self.taken[name]

    def _any(self) -> int:
        for _ in range(64):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in self.taken.values():
                return port
        raise RuntimeError("no free port found on 127.0.0.1 after 64 tries: close some programs")


@dataclass(frozen=True)
class Options:
    """How the sample is run; the defaults suit a laptop."""

    seed: int = 1
    block_interval_ms: int = 450
    trades_per_block: float = 3.0
    """Average number of trades a block at the busiest hour of the accelerated day."""
    day_seconds: float = 600.0
    """Length of one accelerated day."""
    exchange: bool = True
    """False starts the chain and its traders only."""
    console_port: int | None = None
    """None takes 8900 when it is free, else any free port."""
    pace: str = "sample"


@dataclass(frozen=True)
class SignIn:
    """Who may enter the sample's console; made up at each start."""

    name: str
    password: str = field(repr=False)


def write_config(
    folder: Path,
    *,
    options: Options,
    ports: Ports,
    chain: ChainHandle,
    parts: Mapping[str, Any],
    exchange_secrets: Mapping[str, str],
    control_token: str,
    addresses: Mapping[str, str],
) -> tuple[Path, SignIn]:
    """Write dexwatch.yml, the secret files beside it (mode 0600) and the console's user."""
    sign_in = SignIn(USER, secrets.token_urlsafe(12))
    texts = {
        "hook.token": secrets.token_urlsafe(24),
        "control.token": control_token,
        "control.url": f"http://127.0.0.1:{ports.take('control')}",
        **exchange_secrets,
    }
    for name, text in texts.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    write(folder / "users.json", sign_in.name, sign_in.password, Role.OPERATOR)
    values = merged(_ours(options, ports, chain, addresses), parts)
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(values, stream)
    file = folder / "dexwatch.yml"
    file.write_text(
        "# Written by `dexwatch demo` at its start, and overwritten by the next one.\n"
        + stream.getvalue()
    )
    return file, sign_in


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both mappings as one: mappings are merged, lists joined, else the second wins."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = merged(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            result[key] = [*known, *value]
        else:
            result[key] = value
    return result


def _ours(
    options: Options, ports: Ports, chain: ChainHandle, addresses: Mapping[str, str]
) -> dict[str, Any]:
    console = ports.take("console", wish=options.console_port or CONSOLE_PORT)
    own: tuple[str, ...] = ("prometheus", "alertmanager", "node", "blackbox", "supervisor")
    if options.exchange:
        own = (*own, "postgres", "redis", "nginx")
    exporters = {name: {"port": ports.take(f"daemons.{name}")} for name in own}
    return {
        "name": "sample-dex",
        "folder": "./state",
        "pace": options.pace,
        "chain": {
            "chain_id": chain.chain_id,
            "block_interval_ms": options.block_interval_ms,
            "stall_seconds": 3,
            "endpoints": [
                {"name": node.name, "http": node.http, "ws": node.ws} for node in chain.nodes
            ],
        },
        "dex": _dex(chain),
        "daemons": merged(
            exporters,
            {
                # The machine below the sample is shown, but its load is not the platform's.
                "node": {"labels": {"alerting": "off", "host": "this-machine"}},
                "probes": [
                    {
                        "name": node.name,
                        "kind": "rpc",
                        "target": node.http,
                        "cadence": "critical",
                        "class": "rpc",
                    }
                    for node in chain.nodes
                ],
            },
        ),
        "watch": {"port": ports.take("watch")},
        "respond": {"port": ports.take("respond"), "hook_token": {"file": "./hook.token"}},
        "console": {
            "port": console,
            "public_url": f"http://127.0.0.1:{console}",
            "users_file": "./users.json",
            "sample_control": {
                "url": f"http://127.0.0.1:{ports.take('control')}",
                "token": {"file": "./control.token"},
                **{
                    f"{name}_url": addresses[name]
                    for name in ("mailbox", "slack")
                    if name in addresses
                },
            },
        },
    }


def _dex(chain: ChainHandle) -> dict[str, Any]:
    deployment = chain.deployment
    usdt = deployment.tokens["USDT"].address
    guarded = ["pause()", "unpause()", "blockAccount(address)", "unblockAccount(address)"]
    swap = "(address,address,uint256,uint256,uint256,address)"
    return {
        "high_value_usd": 50_000,
        "tokens": [
            {"symbol": t.symbol, "address": t.address, "decimals": t.decimals}
            | ({"usd": t.usd} if t.usd is not None else {})
            for t in deployment.tokens.values()
        ],
        "pools": [
            {
                "name": p.name,
                "kind": p.kind,
                "address": p.address,
                "token0": p.token0,
                "token1": p.token1,
                "fee_bps": p.fee_bps,
                "first_block": 1,
            }
            for p in deployment.pools.values()
        ],
        "contracts": [
            {
                "name": "router",
                "address": deployment.router,
                "kind": "router",
                "methods": [
                    f"swapV2{swap}",
                    f"swapV3{swap}",
                    "addLiquidityV2(address,uint256,uint256)",
                    "removeLiquidityV2(address,uint256)",
                    "addLiquidityV3(address,int24,int24,uint128)",
                    "setFeeBps(uint256)",
                    *guarded,
                ],
                "pausable": True,
                "views": [{"name": "fee_bps", "signature": "feeBps()(uint256)"}],
                "trade_event": TRADED,
                "events": ["FeeChanged(uint256,uint256)"],
            },
            {
                "name": "vault",
                "address": deployment.vault,
                "kind": "vault",
                "methods": ["deposit(address,uint256)", "withdraw(address,uint256)", *guarded],
                "pausable": True,
                "views": [
                    {
                        "name": "owed_usdt",
                        "signature": "total(address)(uint256)",
                        "arguments": [usdt],
                        "decimals": 18,
                    }
                ],
            },
            {
                "name": "farm",
                "address": deployment.farm,
                "kind": "farm",
                "methods": ["stake(uint256)", "unstake(uint256)", "harvest()", *guarded],
                "pausable": True,
                "views": [
                    {
                        "name": "total_staked",
                        "signature": "totalStaked()(uint256)",
                        "decimals": 18,
                    }
                ],
            },
        ],
    }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Without this a port that was closed a moment ago counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
