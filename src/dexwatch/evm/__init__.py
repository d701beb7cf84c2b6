"""Blocks, receipts and logs as strict values, typed events, and the mathematics of pools. Pure."""
