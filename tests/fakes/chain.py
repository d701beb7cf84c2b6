"""Blocks as a node tells them, with forks; each bears what a real one does."""

import hashlib
from typing import Any

from eth_utils.crypto import keccak

from dexwatch.evm.block import parse_block
from dexwatch.evm.proof import header_hash, receipts_root, transaction_envelope
from dexwatch.evm.trie import list_root

MINER = "0x" + "99" * 20
SENDER = "0x" + "01" * 20
GENESIS_PARENT = "0x" + "00" * 32


def digest(*parts: object) -> str:
    """Return a hash that depends on the parts only."""
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


def bloom(logs: list[dict[str, Any]]) -> str:
    """Return the filter of these logs, as the Yellow Paper has it, bit by bit."""
    found = bytearray(256)
    for log in logs:
        for item in (log["address"], *log["topics"]):
            hashed = keccak(bytes.fromhex(item[2:]))
            for at in (0, 2, 4):
                bit = (hashed[at] << 8 | hashed[at + 1]) % 2048
                found[255 - bit // 8] |= 1 << bit % 8
    return "0x" + found.hex()


class FakeChain:
    """Blocks by hash, and which of them are canonical; every block may carry transactions."""

    def __init__(self, start: int = 100, *, first_second: int = 1_800_000_000) -> None:
        self.blocks: dict[str, dict[str, Any]] = {}
        self.receipts: dict[str, list[dict[str, Any]]] = {}
        self.canonical: list[str] = []
        self.start = start
        self._salt = 0
        self._milliseconds = first_second * 1000
        self.mine()

    @property
    def head(self) -> dict[str, Any]:
        return self.blocks[self.canonical[-1]]

    @property
    def height(self) -> int:
        return self.start + len(self.canonical) - 1

    def mine(self, count: int = 1, *, receipts: list[dict[str, Any]] | None = None) -> None:
        """Add blocks; the receipts (without block fields) go into the last of them."""
        for left in range(count, 0, -1):
            self._mine(receipts or [] if left == 1 else [])

    def fork(self, depth: int, length: int) -> None:
        """Drop the newest `depth` blocks and mine `length` others in their place."""
        del self.canonical[len(self.canonical) - depth :]
        self.mine(length)

    def twin(self, *, without: int = 0) -> "FakeChain":
        """Return a chain of its own that shares all blocks but the newest `without`."""
        found = FakeChain(self.start)
        found.blocks, found.receipts = dict(self.blocks), dict(self.receipts)
        found.canonical = self.canonical[: len(self.canonical) - without]
        found._milliseconds = self._milliseconds - 450 * without
        return found

    def at(self, number: int) -> dict[str, Any] | None:
        place = number - self.start
        return self.blocks[self.canonical[place]] if 0 <= place < len(self.canonical) else None

    def seal(self, block: dict[str, Any], receipts: list[dict[str, Any]]) -> str:
        """Give a block the roots and the hash of its content, keep it, and return its hash."""
        envelopes = [transaction_envelope(body) for body in block["transactions"]]
        block["transactionsRoot"] = "0x" + list_root(envelopes).hex()
        parsed = parse_block({**block, "hash": GENESIS_PARENT}, receipts).receipts
        block["receiptsRoot"] = "0x" + receipts_root(parsed, [0] * len(parsed)).hex()
        block["hash"] = header_hash(block)
        for receipt in receipts:
            receipt["blockHash"] = block["hash"]
            for log in receipt["logs"]:
                log["blockHash"] = block["hash"]
        self.blocks[block["hash"]] = block
        self.receipts[block["hash"]] = receipts
        return block["hash"]

    def _receipt(self, given: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
        """Fill in what a node derives: places of logs in the block, the bloom filter."""
        first = sum(len(receipt["logs"]) for receipt in before)
        logs = [
            {**log, "logIndex": hex(first + place), "blockHash": given["blockHash"]}
            for place, log in enumerate(given["logs"])
        ]
        return {**given, "contractAddress": None, "logs": logs, "logsBloom": bloom(logs)}

    def _mine(self, receipts: list[dict[str, Any]]) -> None:
        self._salt += 1
        self._milliseconds += 450
        parent = self.canonical[-1] if self.canonical else GENESIS_PARENT
        number = self.start + len(self.canonical)
        seed = digest(number, parent, self._salt, id(self))
        full, bodies = [], []
        for place, given in enumerate(receipts):
            body = {"input": "0x", "gas": "0x30d40", "value": "0x0", "gasPrice": "0x2faf080"}
            body |= {"v": "0x94", "r": digest(seed, place), "s": "0x1", **given.get("body", {})}
            body |= {"to": given.get("to"), "nonce": "0x1"}
            transaction = "0x" + keccak(transaction_envelope(body)).hex()
            place_fields = {
                "transactionHash": transaction,
                "transactionIndex": hex(place),
                "blockHash": GENESIS_PARENT,
            }
            plain = {key: value for key, value in given.items() if key != "body"}
            defaults = {"from": SENDER, "to": None, "status": "0x1", "gasUsed": "0x5208"}
            price = {"effectiveGasPrice": "0x2faf080", "logs": []}
            full.append(self._receipt({**defaults, **price, **plain, **place_fields}, full))
            bodies.append({**body, "hash": transaction})
        block = {
            "number": hex(number),
            "parentHash": parent,
            **dict.fromkeys(("sha3Uncles", "stateRoot"), seed),
            "mixHash": f"0x{self._milliseconds % 1000:064x}",
            "nonce": "0x0000000000000000",
            "extraData": "0x",
            "timestamp": hex(self._milliseconds // 1000),
            "milliTimestamp": hex(self._milliseconds),
            "gasUsed": hex(21_000 * len(full)),
            "gasLimit": "0x3473bc0",
            "difficulty": "0x2",
            "miner": MINER,
            "logsBloom": bloom([log for receipt in full for log in receipt["logs"]]),
            "transactions": bodies,
        }
        block_hash = self.seal(block, full)
        self.canonical.append(block_hash)
