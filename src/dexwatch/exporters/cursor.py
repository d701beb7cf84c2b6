"""Where the watch stopped, on disk, so that a restart goes on there and loses no block."""

from contextlib import suppress
from pathlib import Path

import orjson
import structlog

from dexwatch import clock
from dexwatch.evm.block import BlockRef
from dexwatch.evm.quantity import MalformedError, digest

_EVERY_SECONDS = 1.0

_log = structlog.get_logger("dexwatch.watch")


class Cursor:
    """The newest evaluated block, written at most once a second; nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / "chain-cursor.json"
        self._written = 0.0

    def read(self, chain_id: int) -> BlockRef | None:
        """Return the block after which to go on; None for a first start or an unusable file."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            record = orjson.loads(self._path.read_bytes())
            if record["chain_id"] != chain_id or not isinstance(record["number"], int):
                return None
            return BlockRef(
                record["number"], digest(record["hash"], "hash"), digest(record["parent"], "parent")
            )
        except (OSError, ValueError, KeyError, TypeError, MalformedError):
            _log.warning("the block cursor cannot be read; starting at the head")
            return None

    def write(self, chain_id: int, ref: BlockRef | None, *, force: bool = False) -> None:
        """Note the newest evaluated block; a full disk is logged and does not stop the watch."""
        now = clock.monotonic()
        if self._path is None or ref is None or not ref.hash:
            return
        if not force and now - self._written < _EVERY_SECONDS:
            return
        self._written = now
        record = {"chain_id": chain_id, "number": ref.number, "hash": ref.hash}
        text = orjson.dumps({**record, "parent": ref.parent})
        draft = self._path.with_suffix(".draft")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(text)
            draft.replace(self._path)
        except OSError as error:
            _log.warning("the block cursor cannot be written", error=type(error).__name__)
            with suppress(OSError):
                draft.unlink(missing_ok=True)
