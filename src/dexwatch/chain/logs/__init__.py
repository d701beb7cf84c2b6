"""Logs of ranges of blocks, and whether a node has them."""
