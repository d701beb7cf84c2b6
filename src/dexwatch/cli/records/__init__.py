"""Commands that work on what dexwatch keeps: users and incidents."""
