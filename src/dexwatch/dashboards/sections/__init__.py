"""Panels that several boards show, a file a subject."""
