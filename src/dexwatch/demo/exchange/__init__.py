"""The sample exchange: an API behind nginx, PostgreSQL, Redis, a job worker, and their users.

`handle.start_exchange` starts it all. Nothing is imported here, because each of its processes
imports this package and should not load the others' dependencies.
"""
