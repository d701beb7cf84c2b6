"""Decides events, for the first time or once more; nothing here writes."""
