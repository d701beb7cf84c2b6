"""Who provides liquidity, on disk, so that a restart does not read the past of pools again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from dexwatch.bounded_file import read_file, write_file

_MOST_BYTES = 64_000_000

_log = structlog.get_logger("dexwatch.liquidity")

Gap = tuple[int, int]
"""First and last of the heights that are still to be read."""


@dataclass(frozen=True)
class LpCheckpoint:
    """What was known after a block."""

    number: int
    gaps: tuple[Gap, ...]
    positions: Mapping[str, Any]
    """As `LiquidityProviders.dump` gives it."""


class LpCheckpointFile:
    """One file, replaced as a whole; what was written for another configuration is not taken."""

    def __init__(self, folder: Path | None, config: Mapping[str, Any]) -> None:
        self._path = None if folder is None else folder / "liquidity-providers.json"
        self._config = orjson.loads(orjson.dumps(config))

    def read(self) -> LpCheckpoint | None:
        """Return what the file holds; None for a first start or an unusable file."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            record = orjson.loads(read_file(self._path, _MOST_BYTES))
            if record["config"] != self._config:
                return None
            gaps = tuple((int(first), int(last)) for first, last in record["gaps"])
            return LpCheckpoint(int(record["number"]), gaps, dict(record["positions"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("the liquidity checkpoint cannot be read", error=type(error).__name__)
            return None

    async def write(self, checkpoint: LpCheckpoint) -> None:
        """Replace the file; a full disk is logged and stops nothing."""
        if self._path is None:
            return
        record = {
            "config": self._config,
            "number": checkpoint.number,
            "gaps": checkpoint.gaps,
            "positions": checkpoint.positions,
        }
        await asyncio.to_thread(_replace, self._path, record)


def _replace(path: Path, record: Mapping[str, Any]) -> None:
    try:
        text = orjson.dumps(record)
        if len(text) > _MOST_BYTES:
            _log.warning("too many liquidity positions for a checkpoint", bytes=len(text))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text)
    except OSError as error:
        _log.warning("the liquidity checkpoint cannot be written", error=type(error).__name__)
