"""The programs that we supervise: their arguments, configuration, readiness and life.

programs = plan(config, folder=..., profile=..., rules=render(profile), roles=..., webhook=...)
async with Supervisor(folder) as supervisor:
await supervisor.start(programs)
"""
