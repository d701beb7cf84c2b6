"""What receivers bring is loaded, decided, saved and scheduled; what is due is told to people.

`apply.py` has events decided by `incidents.decide` and writes the decisions down with their jobs,
`messaging` has the jobs that carry messages and their handler, `store.py` says what a database must
be able to do, and `respond.py` puts the role together.
"""
