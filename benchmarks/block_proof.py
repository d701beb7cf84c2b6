"""What proving a block costs beside reading it unproved: processor time of one large block.

python benchmarks/block_proof.py [TRANSACTIONS]

Every transaction calls with 132 bytes and leaves three logs, as a swap does.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from _rig import report
from dexwatch.evm.block import parse_block
from dexwatch.evm.bloom import completeness
from dexwatch.evm.proof import prove
from tests.fakes.chain import FakeChain

TRANSACTIONS = 200
ROUNDS = 30


def main(transactions: int) -> None:
    body, receipts = large_block(transactions)

    def unproved() -> None:
        completeness(parse_block(body, receipts))

    def proved() -> None:
        prove(parse_block(body, receipts), body)

    times: dict[str, list[float]] = {"unproved": [], "proved": []}
    # By turns, so that whatever else the machine does falls on both.
    for _ in range(ROUNDS):
        times["unproved"].append(milliseconds(unproved))
        times["proved"].append(milliseconds(proved))
    report(
        transactions=transactions,
        rounds=ROUNDS,
        **{f"{name}_cpu_ms": round(statistics.median(of), 2) for name, of in times.items()},
    )


def milliseconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def large_block(transactions: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a block and its receipts as a node answers them."""
    chain = FakeChain()
    chain.mine(receipts=[swap(place) for place in range(transactions)])
    block_hash = chain.canonical[-1]
    return chain.blocks[block_hash], chain.receipts[block_hash]


def swap(place: int) -> dict[str, Any]:
    pool = f"0x{place % 40 + 1:040x}"
    topics = [f"0x{kind:064x}" for kind in (1, place + 2, place + 3)]
    log = {"address": pool, "topics": topics, "data": "0x" + "5a" * 64}
    return {"to": pool, "body": {"input": "0x" + "a9" * 132}, "logs": [dict(log) for _ in range(3)]}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TRANSACTIONS)
