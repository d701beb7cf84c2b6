"""Anvil's new heads with the fields of BNB Smart Chain, kept for a while and passed on.

Anvil counts time in seconds and knows no validators.
The added fields follow the real chain: `milliTimestamp`, milliseconds in `mixHash`, 21 validators
that take turns of 16 blocks, difficulty 2 in turn and 1 out of turn.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from eth_utils.crypto import keccak
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from dexwatch.clock import now

VALIDATORS = tuple("0x" + keccak(text=f"sample validator {i}")[12:].hex() for i in range(21))
TURN_LENGTH = 16
OUT_OF_TURN_EVERY = 97
"""About one block in so many comes from a validator out of turn, as when one is late."""
KEPT = 4096
_FRESH_MILLISECONDS = 5_000
"""A block older than this was made before anybody could have noted its milliseconds."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Head:
    """One block's header as the nodes show it."""

    number: int
    hash: str
    milliseconds: int
    header: dict[str, Any]


class Heads:
    """Follows anvil over WebSocket and tells its listeners of each new head."""

    def __init__(self, websocket_url: str) -> None:
        self._url = websocket_url
        self._by_number: OrderedDict[int, Head] = OrderedDict()
        self._numbers: dict[str, int] = {}
        self._milliseconds: OrderedDict[str, int] = OrderedDict()
        self.listeners: list[Callable[[Head], None]] = []
        self.newest: Head | None = None

    async def run(self) -> None:
        """Follow until cancelled; connects again when anvil hangs up."""
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._follow()
            log.warning("sample_heads_lost", url=self._url)
            await asyncio.sleep(0.5)

    def get(self, number: int) -> Head | None:
        """Return a head that is still kept."""
        return self._by_number.get(number)

    def number_of(self, block_hash: str) -> int | None:
        """Return the height of a kept block."""
        return self._numbers.get(block_hash)

    def add_bsc_fields(self, block: dict[str, Any]) -> dict[str, Any]:
        """Change a block or header of anvil in place: BSC's validator, difficulty and time."""
        number, seconds = int(block["number"], 16), int(block["timestamp"], 16)
        milliseconds = self._time(block.get("hash"), number, seconds)
        validator, difficulty = turn(number)
        block["miner"] = validator
        block["difficulty"] = hex(difficulty)
        block["milliTimestamp"] = hex(milliseconds)
        block["mixHash"] = f"0x{milliseconds % 1000:064x}"
        return block

    def _time(self, block_hash: str | None, number: int, seconds: int) -> int:
        """Return a block's milliseconds: given once, by whoever asks first, and then kept.

        The block may be asked for before its head was pushed to us, and must not change after.
        """
        known = self._milliseconds.get(block_hash or "")
        if known is not None:
            return known
        newest, wall = self.newest, int(now().timestamp() * 1000)
        if block_hash is None or wall - seconds * 1000 > _FRESH_MILLISECONDS:
            return seconds * 1000
        found = max(wall, seconds * 1000)
        if newest is not None and number > newest.number:
            found = max(found, newest.milliseconds + 1)
        # However late we see a block, its milliseconds lie within its second.
        found = min(found, seconds * 1000 + 999)
        self._milliseconds[block_hash] = found
        if len(self._milliseconds) > KEPT:
            self._milliseconds.popitem(last=False)
        return found

    async def _follow(self) -> None:
        async with connect(
            self._url, max_size=4_000_000, open_timeout=5, close_timeout=0.5
        ) as socket:
            subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe"}
            await socket.send(orjson.dumps({**subscribe, "params": ["newHeads"]}))
            while True:
                # Anvil makes a block every 450 ms: half a minute without one is a dead connection.
                message = orjson.loads(await asyncio.wait_for(socket.recv(), 30))
                if "params" in message:
                    self._take(message["params"]["result"])

    def _take(self, header: dict[str, Any]) -> None:
        number, seconds = int(header["number"], 16), int(header["timestamp"], 16)
        milliseconds = self._time(header["hash"], number, seconds)
        head = Head(number, header["hash"], milliseconds, header)
        self._by_number[number] = head
        self._numbers[head.hash] = number
        self.add_bsc_fields(header)
        self.newest = head
        while len(self._by_number) > KEPT:
            _, old = self._by_number.popitem(last=False)
            self._numbers.pop(old.hash, None)
        for listener in self.listeners:
            listener(head)


def turn(number: int) -> tuple[str, int]:
    """Return the validator of a block and its difficulty: 2 in turn, 1 out of turn."""
    index = (number + 1) // TURN_LENGTH % len(VALIDATORS)
    if number * 2_654_435_761 % 2**32 % OUT_OF_TURN_EVERY == 0:
        return VALIDATORS[(index + 1) % len(VALIDATORS)], 1
    return VALIDATORS[index], 2
