"""How the tests of the sample chain speak to its nodes."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from dexwatch.demo.chain.rpc import Rpc, RpcError, encode_call


def present(path: Path) -> None:
    if path.exists():
        return
    message = f"{path} is missing: run `make setup`"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


async def ask(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC call; the whole answer."""
    async with httpx.AsyncClient(timeout=5) as client:
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        return (await client.post(url, json=body)).json()


async def send(rpc: Rpc, sender: str, to: str, signature: str, *args: Any) -> dict[str, Any]:
    """Send a transaction of an unlocked account and return its receipt."""
    transaction = {"from": sender, "to": to, "data": encode_call(signature, *args)}
    fields = {"gas": hex(600_000), "gasPrice": hex(10**10)}
    sent = await rpc.call("eth_sendTransaction", transaction | fields)
    async with asyncio.timeout(10):
        while (receipt := await rpc.call("eth_getTransactionReceipt", sent)) is None:
            await asyncio.sleep(0.05)
    return receipt


async def refusal(rpc: Rpc, sender: str, to: str, signature: str, *args: Any) -> str:
    """Return why a call would revert; "" if it would not."""
    call = {"from": sender, "to": to, "data": encode_call(signature, *args)}
    [answer] = await rpc.batch([("eth_call", [call, "latest"])])
    return answer.message if isinstance(answer, RpcError) else ""
