"""Pools, prices and liquidity, calculated without I/O."""
