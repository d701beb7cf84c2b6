"""Clients of the programs that dexwatch asks: Prometheus, Alertmanager, the platform's database.

All that is read here was written by others: every answer is bounded in size and time and checked
field by field, and what does not fit is a `SourceError`, never a crash.
"""
