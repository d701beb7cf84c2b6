"""Collectors: each turns blocks or answers of sources into metrics; `registry` lists them."""
