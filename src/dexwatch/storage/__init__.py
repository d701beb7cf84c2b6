"""The databases behind the store protocols: SQLite for one machine, PostgreSQL for several.

`store.open_store` is the way in for the respond role and the console alike.
"""
