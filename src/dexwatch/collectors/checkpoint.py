"""Where the watch stopped, on disk, so that a restart goes on there and loses no block.

The newest blocks are kept, not one only: the chain may have reorganised while nobody watched.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson
import structlog

from dexwatch import clock
from dexwatch.evm.block import BlockRef
from dexwatch.evm.chain import ChainWindow
from dexwatch.evm.hexadecimal import hash32

_EVERY_SECONDS = 1.0
_BLOCKS = 64

_log = structlog.get_logger("dexwatch.watch")


class Checkpoint:
    """The newest evaluated blocks, written at most once a second; nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / "chain-checkpoint.json"
        self._written = 0.0

    def read(self, chain_id: int) -> tuple[BlockRef, ...]:
        """Return the blocks after which to go on; none for a first start or an unusable file."""
        if self._path is None or not self._path.is_file():
            return ()
        try:
            record = orjson.loads(self._path.read_bytes())
            if record["chain_id"] != chain_id:
                return ()
            window = ChainWindow(_BLOCKS)
            for number, block_hash, parent in record["blocks"]:
                window.append(BlockRef(int(number), hash32(block_hash, "hash"), str(parent)))
            return window.newest(_BLOCKS)
        except (OSError, ValueError, KeyError, TypeError):
            _log.warning("the block checkpoint cannot be read; starting at the head")
            return ()

    def write(
        self,
        chain_id: int,
        recent: Callable[[int], tuple[BlockRef, ...]],
        *,
        force: bool = False,
    ) -> None:
        """Note the newest evaluated blocks; a full disk is logged and does not stop the watch."""
        now = clock.monotonic()
        if self._path is None or (not force and now - self._written < _EVERY_SECONDS):
            return
        self._written = now
        blocks = [[ref.number, ref.hash, ref.parent] for ref in recent(_BLOCKS)]
        if not blocks:
            return
        draft = self._path.with_suffix(".draft")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(orjson.dumps({"chain_id": chain_id, "blocks": blocks}))
            draft.replace(self._path)
        except OSError as error:
            _log.warning("the block checkpoint cannot be written", error=type(error).__name__)
            with suppress(OSError):
                draft.unlink(missing_ok=True)
