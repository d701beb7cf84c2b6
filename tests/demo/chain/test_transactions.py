"""The set-up's transactions get into blocks, whatever anvil does with the first attempt."""

from collections.abc import Sequence
from typing import Any

import pytest

from dexwatch.demo.chain import transactions
from dexwatch.demo.chain.rpc import Call, Rpc, RpcError
from dexwatch.demo.chain.transactions import Transaction, TransactionError, Transactions

ANA, VAULT = "0x" + "a" * 40, "0x" + "b" * 40


class Reluctant(Rpc):
    """A chain that forgets some transactions until they are offered a second time."""

    def __init__(self, *, forgets: Sequence[int] = (), status: str = "0x1", deaf: bool = False):
        super().__init__("http://127.0.0.1:1")
        self.forgets, self.status, self.deaf = set(forgets), status, deaf
        self.prices: dict[int, list[int]] = {}
        self._mined: dict[str, int] = {}

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        return [self._one(method, list(params)) for method, params in calls]

    def _one(self, method: str, params: list[Any]) -> Any:
        if method == "eth_sendTransaction":
            return self._take(params[0])
        if method == "eth_getTransactionReceipt" and params[0] in self._mined:
            return {"status": self.status, "contractAddress": None}
        return None

    def _take(self, transaction: dict[str, str]) -> Any:
        nonce, price = int(transaction["nonce"], 16), int(transaction["gasPrice"], 16)
        known = self.prices.setdefault(nonce, [])
        if nonce in self._mined.values():
            return RpcError("eth_sendTransaction", {"message": "nonce too low"})
        known.append(price)
        name = f"0x{nonce:02x}{len(known):02x}"
        if not self.deaf and (nonce not in self.forgets or len(known) > 1):
            self._mined[name] = nonce
        return name


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "STUCK_SECONDS", 0.05)
    monkeypatch.setattr(transactions, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(transactions, "DEADLINE_SECONDS", 0.4)


def steps(count: int) -> list[Transaction]:
    return [Transaction(ANA, VAULT, "0x01020304") for _ in range(count)]


async def test_what_anvil_forgot_is_offered_again_for_more() -> None:
    rpc = Reluctant(forgets=[1])
    assert await Transactions(rpc).send(steps(3)) == ["", "", ""]
    first, again = rpc.prices[1]
    assert again > first
    assert len(rpc.prices[0]) == len(rpc.prices[2]) == 1


async def test_nonces_go_on_from_batch_to_batch() -> None:
    rpc = Reluctant()
    sending = Transactions(rpc)
    await sending.send(steps(2))
    await sending.send(steps(2))
    assert sorted(rpc.prices) == [0, 1, 2, 3]


async def test_a_reverted_step_is_named() -> None:
    with pytest.raises(TransactionError, match=f"reverted: {ANA} to {VAULT}, 0x01020304"):
        await Transactions(Reluctant(status="0x0")).send(steps(1))


async def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(TransactionError, match=r"2 transactions .* in no block"):
        await Transactions(Reluctant(deaf=True)).send(steps(2))
