"""The store that the queue of these tests lies in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dexwatch.storage.store import SqlStore, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}")
    yield opened
    await opened.close()
