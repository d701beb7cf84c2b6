"""The respond role in a process of its own that pings outside often: `python -m ... FILE`."""

import asyncio
import sys
from pathlib import Path

from dexwatch.roles import respond
from dexwatch.roles.process import log_to, stop_event
from dexwatch.settings import load

PING_SECONDS = 0.3
"""Production allows ten seconds or more; a test cannot wait for that."""


async def main(file: Path) -> None:
    """Respond until told to stop."""
    settings = load(file)
    deadman = settings.daemons.deadman.model_copy(update={"outside_seconds": PING_SECONDS})
    daemons = settings.daemons.model_copy(update={"deadman": deadman})
    settings.folder.mkdir(parents=True, exist_ok=True)
    finish = await respond.run(settings.model_copy(update={"daemons": daemons}), stop_event())
    await finish()


if __name__ == "__main__":
    log_to()
    asyncio.run(main(Path(sys.argv[1])))
