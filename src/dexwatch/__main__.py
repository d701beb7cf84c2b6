"""`python -m dexwatch` is the same program as `dexwatch`."""

from dexwatch.cli import main

main()
