"""The composition root: builds each role from the settings, and runs them side by side.

await up(settings, file)                  # all roles and daemons, until told to stop
await run_role(Role.WATCH, settings, stop)  # one role in this process
"""

from dexwatch.app.roles import Role, run_role
from dexwatch.app.up import programs, up

__all__ = ["Role", "programs", "run_role", "up"]
