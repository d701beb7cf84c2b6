"""All that must happen later is a job: durable, with a due time, a lease and a bounded life.

`job.py` says what a job is and how an attempt may end, `queue.py` what a database must be able to
do, and `worker.py` takes due jobs and calls the handler of each job's kind.
Nothing here knows what a job is about: a page, an escalation step, a drill and a cleaning round
differ only in their kind and payload.
"""
