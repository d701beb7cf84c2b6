"""Collectors: each turns blocks or answers of sources into metrics; `catalogue` lists them."""
