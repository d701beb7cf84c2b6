"""What happens to alerts and to the people who answer them, decided without I/O.

`decide(state, event, now)` in `decide.py` is the only way in.
An escalation ladder grows out of it as further events (a step fell due) and effects (page the
next); the incident already carries the policy that it began with.
"""
