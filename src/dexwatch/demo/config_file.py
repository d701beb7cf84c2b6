"""The sample described for dexwatch: dexwatch.yml, the secrets beside it, the console's user."""

import io
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dexwatch.console.access.users import Role, write
from dexwatch.demo.chain.deploy import START_USD
from dexwatch.demo.chain.handle import ChainHandle, Deployment
from dexwatch.demo.config import CONSOLE_PORT, Options, Ports
from dexwatch.roles.registry import CONSOLE, ROLES

USER = "ana"
TRADED = (
    "Traded(address indexed user, address indexed pool, address tokenIn, uint256 amountIn, "
    "uint256 amountOut, uint256 quotedOut, uint256 minOut)"
)
GUARDED = ("pause()", "unpause()", "blockAccount(address)", "unblockAccount(address)")
"""What guardian and owner may call on each contract of ours."""


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
    """Write dexwatch.yml, the secret files beside it (all mode 0600) and the console's user."""
    sign_in = SignIn(USER, secrets.token_urlsafe(12))
    texts = {
        "hook.token": secrets.token_urlsafe(24),
        "control.token": control_token,
        "control.url": f"http://127.0.0.1:{ports.take('control')}",
        **exchange_secrets,
    }
    for name, text in texts.items():
        _write_private(folder / name, text)
    write(folder / "users.json", sign_in.name, sign_in.password, Role.OPERATOR)
    values = merged(_ours(options, ports, chain, addresses), parts)
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(values, stream)
    file = folder / "dexwatch.yml"
    first = "# Written by `dexwatch demo` at its start, and overwritten by the next one.\n"
    _write_private(file, first + stream.getvalue())
    return file, sign_in


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


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
    values = {
        "name": "sample-dex",
        "folder": "./state",
        "chain": {
            "chain_id": chain.chain_id,
            "block_interval_ms": options.block_interval_ms,
            "stall_seconds": 3,
            # The gateway adds BNB Smart Chain's fields to anvil's headers and keeps anvil's hash,
            # so no block of the sample gives the hash that it goes by.
            "prove_blocks": False,
            "endpoints": [
                {"name": node.name, "http": node.http, "ws": node.ws} for node in chain.nodes
            ],
        },
        "dex": dex_of(chain.deployment),
        "daemons": _daemons(options, ports, chain),
        "respond": {
            "hook_token": {"file": "./hook.token"},
            # A demonstration breaks the same thing twice within minutes and wants two incidents.
            "reconcile_seconds": 5,
            "missing_seconds": 20,
            "reopen_window_seconds": 60,
            "repage_interval_seconds": 30,
        },
        "console": _console(ports, addresses),
    }
    return merged(listening(options, ports), values)


def listening(options: Options, ports: Ports) -> dict[str, Any]:
    """Return where each role listens: the console where it is wished, the others anywhere."""
    wish = CONSOLE_PORT if options.console_port is None else options.console_port
    return {
        spec.section: {"port": ports.take(spec.section, wish=wish if spec is CONSOLE else None)}
        for spec in ROLES
    }


def _daemons(options: Options, ports: Ports, chain: ChainHandle) -> dict[str, Any]:
    own: tuple[str, ...] = ("prometheus", "alertmanager", "node", "blackbox", "supervisor")
    if options.exchange:
        own = (*own, "postgres", "redis")
    probes = [
        {
            "name": node.name,
            "kind": "rpc",
            "target": node.http,
            "scrape_class": "critical",
            "class": "rpc",
        }
        for node in chain.nodes
    ]
    return merged(
        {name: {"port": ports.take(f"daemons.{name}")} for name in own},
        {
            # The machine below the sample is shown, but its load is not the platform's.
            "node": {"labels": {"alerting": "off", "host": "this-machine"}},
            "probes": probes,
        },
    )


def _console(ports: Ports, addresses: Mapping[str, str]) -> dict[str, Any]:
    titles = {"mailbox": "Mailbox", "slack": "Slack messages"}
    pages = {title: addresses[name] for name, title in titles.items() if name in addresses}
    return {
        "users_file": "./users.json",
        "sample_control": {
            "url": f"http://127.0.0.1:{ports.take('control')}",
            "token": {"file": "./control.token"},
            "pages": pages,
        },
    }


def dex_of(deployment: Deployment) -> dict[str, Any]:
    """Return the settings `dex` of the sample: its tokens, pools and contracts."""
    return {
        "high_value_usd": 50_000,
        "tokens": [
            {name: value for name, value in asdict(token).items() if value is not None}
            for token in deployment.tokens.values()
        ],
        "pools": [
            {
                **asdict(pool),
                "first_block": 1,
                "entry_price": START_USD[pool.token0] / START_USD[pool.token1],
            }
            for pool in deployment.pools.values()
        ],
        "contracts": _contracts(deployment),
    }


def _contracts(deployment: Deployment) -> list[dict[str, Any]]:
    swap = "(address,address,uint256,uint256,uint256,address)"
    methods = {
        "router": (
            f"swapV2{swap}",
            f"swapV3{swap}",
            "addLiquidityV2(address,uint256,uint256)",
            "removeLiquidityV2(address,uint256)",
            "addLiquidityV3(address,int24,int24,uint128)",
            "setFeeBps(uint256)",
        ),
        "vault": ("deposit(address,uint256)", "withdraw(address,uint256)"),
        "farm": ("stake(uint256)", "unstake(uint256)", "harvest()"),
    }
    usdt = deployment.tokens["USDT"].address
    owed = {"signature": "total(address)(uint256)", "arguments": [usdt], "decimals": 18}
    views: dict[str, dict[str, Any]] = {
        "router": {"name": "fee_bps", "signature": "feeBps()(uint256)"},
        "vault": {"name": "owed_usdt", **owed},
        "farm": {"name": "total_staked", "signature": "totalStaked()(uint256)", "decimals": 18},
    }
    events = {"trade_event": TRADED, "events": ["FeeChanged(uint256,uint256)"]}
    return [
        {
            "name": name,
            "address": getattr(deployment, name),
            "kind": name,
            "methods": [*methods[name], *GUARDED],
            "pausable": True,
            "views": [views[name]],
            **(events if name == "router" else {}),
        }
        for name in methods
    ]
