"""All that must happen later is a row with a due time; this is what keeps such promises.

`store.py` says what a database must be able to do, `sweeper.py` takes due work with a lease,
`deliver.py` does it, and the outcome goes back as a fact for `incidents.decide`.
A new kind of work (an escalation step, a playbook step) is a new `WorkKind` with its own doer.
"""
