"""The logs of a block as events of the market, decoded once for all who need them."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from dexwatch.evm import log_decoding
from dexwatch.evm.block import Block, Log
from dexwatch.evm.events import Event
from dexwatch.evm.hexadecimal import MalformedError

Emitted = tuple[str, Event]
"""The contract that wrote an event, and the event."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Events in order, by transaction, and who wrote logs that do not fit their topic."""

    transactions: tuple[tuple[Emitted, ...], ...]
    malformed: tuple[str, ...]


def decode_block(block: Block, emitters: Set[str]) -> Decoded:
    """Decode what these contracts wrote in a block; a malformed log spoils no other."""
    transactions: list[tuple[Emitted, ...]] = []
    malformed: list[str] = []
    for receipt in block.receipts:
        found, bad = decode_logs(receipt.logs, emitters)
        malformed.extend(bad)
        if found:
            transactions.append(found)
    return Decoded(tuple(transactions), tuple(malformed))


def decode_logs(
    logs: Iterable[Log], emitters: Set[str]
) -> tuple[tuple[Emitted, ...], tuple[str, ...]]:
    """Return the events of these contracts, and one address for each malformed log."""
    found: list[Emitted] = []
    malformed: list[str] = []
    for log in logs:
        if log.address not in emitters:
            continue
        try:
            event = log_decoding.decode(log)
        except MalformedError:
            malformed.append(log.address)
            continue
        if event is not None:
            found.append((log.address, event))
    return tuple(found), tuple(malformed)
