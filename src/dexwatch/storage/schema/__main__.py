"""Makes the database whose address comes on standard input, and ends.

Alembic makes it, which stays loaded in the process that it ran in: this one is gone afterwards.
"""

import asyncio
import sys

from dexwatch.storage.database import open_database


async def main(url: str) -> None:
    """Open the database, which brings its schema up to date, and close it."""
    await (await open_database(url)).close()


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.read()))
