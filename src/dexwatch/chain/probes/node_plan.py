"""What a node allows and what watching will cost there, measured at the node itself."""

from dataclasses import dataclass

import orjson

from dexwatch.chain.answers import RpcError
from dexwatch.chain.batching.sizing import MAX_BATCH
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.hexadecimal import MalformedError, hex_quantity

SPANS = (5_000, 2_000, 1_000, 500, 100, 10)
"""Spans of eth_getLogs that are tried, the widest first."""
_NOBODY = "0x" + "00" * 20
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class NodePlan:
    """What a node allows; None or False where it refused."""

    chain_id: int
    head: int
    batch: int
    """Calls that it takes in one exchange; 50 are the most that are ever sent."""
    logs_span: int | None
    """Blocks over which it searches for logs."""
    receipts_by_block: bool
    finality: bool
    state_by_hash: bool
    block_bytes: int
    """Of the newest block and its receipts, as JSON."""
    transactions: int

    def calls_a_day(self, interval_ms: int) -> int:
        """Return the calls of a primary endpoint in a day, without contracts and pools.

        Per block the body and its receipts; finality each second; the rest now and then.
        """
        blocks = _DAY_SECONDS * 1000 // interval_ms
        receipts = 1 if self.receipts_by_block else max(self.transactions, 1)
        return blocks * (1 + receipts) + _DAY_SECONDS * self.finality + 43_000

    def told(self, interval_ms: int) -> str:
        """Return it in one line for an operator."""
        gigabytes = self.block_bytes * (_DAY_SECONDS * 1000 // interval_ms) / 1e9
        calls = self.calls_a_day(interval_ms)
        span = self.logs_span
        parts = (
            f"block {self.head:,}",
            f"{self.batch} calls a batch" if self.batch > 1 else "no batches",
            f"eth_getLogs over {span:,} blocks" if span else "no eth_getLogs",
            "receipts by block" if self.receipts_by_block else "receipts one by one",
            "tells finality" if self.finality else "does not tell finality",
            "state by block hash" if self.state_by_hash else "state by number only",
            f"needs {calls:,} calls and {gigabytes:.1f} GB a day at blocks like its newest",
        )
        return "; ".join(parts)


async def measure(node: Endpoint) -> NodePlan:
    """Ask a node what it allows, with some fifteen calls.

    Raises:
        SourceError: it does not tell its chain or its newest block.
    """
    chain_id = quantity(await node.call("eth_chainId"))
    head = quantity(await node.call("eth_blockNumber"))
    body = await node.call("eth_getBlockByNumber", hex(head), True)
    block = body if isinstance(body, dict) else {}
    block_hash, bodies = block.get("hash"), block.get("transactions")
    receipts = await _answer(node, "eth_getBlockReceipts", block_hash)
    await node.batch([Request("eth_blockNumber")] * MAX_BATCH)
    call = {"to": _NOBODY, "data": "0x"}
    return NodePlan(
        chain_id=chain_id,
        head=head,
        batch=node.batch_size,
        logs_span=await _span(node, head),
        receipts_by_block=isinstance(receipts, list),
        finality=isinstance(await _answer(node, "eth_getBlockByNumber", "finalized", False), dict),
        state_by_hash=isinstance(
            await _answer(node, "eth_call", call, {"blockHash": block_hash}), str
        ),
        block_bytes=len(orjson.dumps(block)) + len(orjson.dumps(receipts)),
        transactions=len(bodies) if isinstance(bodies, list) else 0,
    )


async def _span(node: Endpoint, head: int) -> int | None:
    for span in SPANS:
        wanted = {
            "address": _NOBODY,
            "fromBlock": hex(max(head - span + 1, 0)),
            "toBlock": hex(head),
        }
        if isinstance(await _answer(node, "eth_getLogs", wanted), list):
            return span
    return None


async def _answer(node: Endpoint, method: str, *params: object) -> object:
    try:
        return await node.call(method, *params)
    except RpcError:
        return None
    except SourceError as error:
        if error.code is None:
            raise
        return None


def quantity(answer: object) -> int:
    """Return the number that a node answered.

    Raises:
        SourceError: `malformed`: it is none.
    """
    try:
        return hex_quantity(answer, "answer")
    except MalformedError as error:
        raise SourceError(Outcome.MALFORMED, str(error)) from error
