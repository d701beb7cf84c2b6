"""A transaction of the sample, and how those of the set-up get into blocks, in order.

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
GAS, GAS_SETTING_UP, GAS_CREATING = 400_000, 600_000, 8_000_000
DEADLINE_SECONDS = 45.0
"""For one batch; a quiet machine needs a tenth of a second."""
STUCK_SECONDS = 1.0
"""Without any progress for so long, the first waiting transaction of each account is replaced."""
POLL_SECONDS = 0.03


class TransactionError(RuntimeError):
    """A transaction of the set-up failed; the sample cannot start."""


@dataclass(frozen=True)
class Transaction:
    """A transaction of an unlocked account, amounts in wei; without `to` it creates a contract."""

    sender: str
    to: str | None
    data: str
    gas: int = GAS
    gas_price: int = GAS_PRICE
    value: int = 0

    def fields(self, nonce: int | None = None) -> dict[str, str]:
        """Return what eth_sendTransaction takes; without a nonce the node chooses it."""
        numbers = {"gas": self.gas, "gasPrice": self.gas_price, "value": self.value, "nonce": nonce}
        texts = {"from": self.sender, "to": self.to, "data": self.data}
        texts |= {name: hex(number) for name, number in numbers.items() if number is not None}
        return {name: text for name, text in texts.items() if text is not None}


def call(
    sender: str, to: str, signature: str, *args: object, gas: int = GAS, price: int = GAS_PRICE
) -> Transaction:
    """Return a call such as `transfer(address,uint256)`."""
    return Transaction(sender, to, encode_call(signature, *args), gas, price)


@dataclass
class _Sent:
    """One on its way; a replacement leaves the older hashes valid, for either may be mined."""

    wanted: Transaction
    transaction: dict[str, str]
    hashes: list[str] = field(default_factory=list)
    receipt: dict[str, Any] | None = None


class Transactions:
    """Sends for accounts that nobody else uses, from their first nonce on."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}

    async def send(self, transactions: Sequence[Transaction]) -> list[str]:
        """Send all, and return the addresses of created contracts ("" for calls).

        Raises:
            TransactionError: one was refused, reverted, or not taken into a block in time.
        """
        # The node works on a batch in parallel, so that only explicit nonces keep the order.
        sent = [_Sent(one, one.fields(self._nonce(one.sender))) for one in transactions]
        calls = [("eth_sendTransaction", [one.transaction]) for one in sent]
        for one, answer in zip(sent, await self._rpc.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                raise TransactionError(f"the sample's chain refuses its set-up: {answer}")
            one.hashes.append(answer)
        await self._settle(sent)
        receipts = [one.receipt or {} for one in sent]
        for one, receipt in zip(sent, receipts, strict=True):
            if receipt["status"] != "0x1":
                raise TransactionError(
                    f"a transaction of the set-up reverted: {_short(one.wanted)}"
                )
        return [(receipt["contractAddress"] or "").lower() for receipt in receipts]

    async def _settle(self, sent: Sequence[_Sent]) -> None:
        """Have blocks made until every transaction has a receipt."""
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
                    f"{DEADLINE_SECONDS:g} s, the first is {_short(waiting[0].wanted)}: "
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
            first.setdefault(one.wanted.sender, one)
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


def _short(one: Transaction) -> str:
    return f"{one.sender} to {one.to or 'a new contract'}, {one.data[:10]}"
