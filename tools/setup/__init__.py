"""Set-up: from a bare Debian machine to everything that `make run` and `make test` need.

Only the standard library is used, because set-up is what installs the rest.
"""
