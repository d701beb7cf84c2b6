"""Boards: which panels answer which question; `registry` lists them."""
