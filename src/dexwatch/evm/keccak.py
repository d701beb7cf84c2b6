"""Keccak-256, the hash by which the EVM names everything."""

from Crypto.Hash import keccak as _keccak


def keccak(data: bytes) -> bytes:
    """Return the 32 bytes of keccak-256."""
    return _keccak.new(data=data, digest_bits=256).digest()
