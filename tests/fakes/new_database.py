"""New SQLite databases by copy: the migrations are run once, not anew for each test."""

import contextlib
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from dexwatch.storage import database


class Copies:
    """Stands in for `open_database` where the store is opened."""

    def __init__(self, folder: Path) -> None:
        self._made = folder / "new.sqlite"
        """What the migrations made of an empty file."""

    async def open_database(
        self, url: str, clock: Callable[[], datetime] | None = None
    ) -> database.Database:
        """Do as the real one does, on a copy where the database is new."""
        if (file := new_file(url)) is not None:
            if new_file(made := f"sqlite+aiosqlite:///{self._made}") is not None:
                await (await database.open_database(made)).close()
            self._copy(file)
        return await database.open_database(url, clock)

    def _copy(self, file: Path) -> None:
        """Whole or not at all: where it cannot be made, the real one has to say so."""
        copy = file.with_name(f"{file.name}.copy")
        with contextlib.suppress(OSError):
            shutil.copyfile(self._made, copy)
            os.link(copy, file)
        with contextlib.suppress(OSError):
            copy.unlink()


def new_file(url: str) -> Path | None:
    """Return the file that SQLite would make for this address, if it is not there yet."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    file = Path(address.database)
    return file if file.is_absolute() and file.parent.is_dir() and not file.exists() else None
