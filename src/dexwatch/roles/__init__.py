"""The composition root: builds each role from the settings, and runs them side by side.

await up(settings, file, stop=stop)         # all roles and daemons, until told to stop
await run_role(Role.WATCH, settings, stop)  # one role in this process
"""
