"""Tries what an operator names: nodes, contracts, databases, addresses."""
