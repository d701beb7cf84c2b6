"""The chain as its nodes tell it: endpoints, heads, and blocks joined by their hashes."""
