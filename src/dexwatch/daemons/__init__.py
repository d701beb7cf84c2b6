"""The programs that we supervise: their arguments, configuration, readiness and life.

programs = plan(config, folder=..., pace=..., rules=render(pace), roles=..., hook=...)
async with Supervisor(folder) as supervisor:
await supervisor.start(programs)
"""
