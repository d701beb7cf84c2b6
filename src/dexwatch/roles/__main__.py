"""One role as a process of its own, without the weight of the command line: `ROLE FILE`."""

import asyncio
import sys
from pathlib import Path

from dexwatch.roles.process import log_to, stop_event
from dexwatch.roles.registry import role, run_role
from dexwatch.settings import SettingsError, load


def main() -> int:
    """Run the role named by the first argument with the configuration named by the second."""
    log_to()
    try:
        spec = role(sys.argv[1])
        settings = load(Path(sys.argv[2]), secrets=spec.secrets)
    except (SettingsError, ValueError, IndexError) as error:
        sys.stderr.write(f"{error}\n")
        return 2

    async def run() -> None:
        await run_role(spec, settings, stop_event())

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
