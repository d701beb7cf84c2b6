"""Send the transactions of the set-up in order, and wait until each is in a block.

A block that anvil makes while it takes in a batch can leave a transaction waiting for a
predecessor that is in a block already, and everything after it waits too.
Replacing it by one with a higher gas price makes anvil check it again, which frees the rest.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dexwatch.clock import monotonic
from dexwatch.demo.chain.rpc import Rpc, RpcError, encode_call

GAS_PRICE = 10**8
"""0.1 gwei: what users of BSC pay."""
GAS_CALL, GAS_CREATE = 600_000, 8_000_000
DEADLINE_SECONDS = 45.0
"""For one batch; a quiet machine needs a tenth of a second."""
STUCK_SECONDS = 1.0
"""Without any progress for so long, the first waiting transaction of each account is replaced."""
POLL_SECONDS = 0.03
ZERO = "0x" + "0" * 40


class TransactionError(RuntimeError):
    """A transaction of the set-up failed; the sample cannot start."""


@dataclass(frozen=True)
class Step:
    """One transaction of an unlocked account; without `to` it creates a contract."""

    sender: str
    to: str | None
    data: str
    value: int = 0


def step(sender: str, to: str, signature: str, *args: object) -> Step:
    """Return a call such as `transfer(address,uint256)` as a step."""
    return Step(sender, to, encode_call(signature, *args))


@dataclass
class _Sent:
    """A step on its way; a replacement leaves the older hashes valid, for either may be mined."""

    step: Step
    transaction: dict[str, str]
    hashes: list[str] = field(default_factory=list)
    receipt: dict[str, Any] | None = None


class Transactions:
    """Sends for accounts that nobody else uses, from their first nonce on."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}

    async def send(self, steps: Sequence[Step]) -> list[str]:
        """Send all, and return the addresses of created contracts ("" for calls).

        Raises:
            TransactionError: one was refused, reverted, or not taken into a block in time.
        """
        # The node works on a batch in parallel, so that only explicit nonces keep the order.
        sent = [_Sent(step, _transaction(step, self._nonce(step.sender))) for step in steps]
        calls = [("eth_sendTransaction", [one.transaction]) for one in sent]
        for one, answer in zip(sent, await self._rpc.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                raise TransactionError(f"the sample's chain refuses its set-up: {answer}")
            one.hashes.append(answer)
        await self._settle(sent)
        receipts = [one.receipt or {} for one in sent]
        for one, receipt in zip(sent, receipts, strict=True):
            if receipt["status"] != "0x1":
                raise TransactionError(f"a transaction of the set-up reverted: {_short(one.step)}")
        return [(receipt["contractAddress"] or "").lower() for receipt in receipts]

    async def _settle(self, sent: Sequence[_Sent]) -> None:
        """Have blocks made until every step has a receipt."""
        deadline = monotonic() + DEADLINE_SECONDS
        progress, waiting = monotonic(), list(sent)
        while waiting:
            await self._rpc.call("evm_mine")
            await self._ask_receipts(waiting)
            left = [one for one in waiting if one.receipt is None]
            if len(left) < len(waiting):
                progress = monotonic()
            waiting = left
            if not waiting:
                return
            if monotonic() > deadline:
                raise TransactionError(
                    f"{len(waiting)} transactions of the set-up are in no block after "
                    f"{DEADLINE_SECONDS:g} s, the first is {_short(waiting[0].step)}: "
                    "the machine is too busy, start again"
                )
            if monotonic() - progress > STUCK_SECONDS:
                await self._replace(waiting)
                progress = monotonic()
            await asyncio.sleep(POLL_SECONDS)

    async def _ask_receipts(self, waiting: Sequence[_Sent]) -> None:
        asked = [(one, known) for one in waiting for known in one.hashes]
        calls = [("eth_getTransactionReceipt", [known]) for _, known in asked]
        for (one, _), receipt in zip(asked, await self._rpc.batch(calls), strict=True):
            if receipt is not None and not isinstance(receipt, RpcError):
                one.receipt = receipt

    async def _replace(self, waiting: Sequence[_Sent]) -> None:
        first: dict[str, _Sent] = {}
        for one in waiting:
            first.setdefault(one.step.sender, one)
        for one in first.values():
            one.transaction["gasPrice"] = hex(2 * int(one.transaction["gasPrice"], 16))
        calls = [("eth_sendTransaction", [one.transaction]) for one in first.values()]
        for one, answer in zip(first.values(), await self._rpc.batch(calls), strict=True):
            # A refusal means that the older one has got into a block in the meantime.
            if not isinstance(answer, RpcError):
                one.hashes.append(answer)

    def _nonce(self, sender: str) -> int:
        self._nonces[sender] = self._nonces.get(sender, -1) + 1
        return self._nonces[sender]


_CREATING = {
    encode_call("createPair(address,address)", ZERO, ZERO)[2:10],
    encode_call("createPool(address,address,uint24)", ZERO, ZERO, 0)[2:10],
}


def _transaction(step: Step, nonce: int) -> dict[str, str]:
    gas = GAS_CREATE if step.to is None or step.data[2:10] in _CREATING else GAS_CALL
    transaction = {
        "from": step.sender,
        "data": step.data,
        "gas": hex(gas),
        "gasPrice": hex(GAS_PRICE),
        "nonce": hex(nonce),
    }
    if step.value:
        transaction["value"] = hex(step.value)
    if step.to is not None:
        transaction["to"] = step.to
    return transaction


def _short(step: Step) -> str:
    return f"{step.sender} to {step.to or 'a new contract'}, {step.data[:10]}"
