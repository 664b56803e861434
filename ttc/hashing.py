"""Digests and seeds that depend on content only, not on order, batch or process."""

from __future__ import annotations

import hashlib


def digest(*content: object) -> bytes:
    """Return 16 bytes that identify the content (by its `repr`)."""
    return hashlib.blake2b(repr(content).encode(), digest_size=16).digest()


def seed_of(*content: object) -> int:
    """Return a 63-bit seed derived from the content (by its `repr`)."""
    return int.from_bytes(hashlib.blake2b(repr(content).encode(), digest_size=8).digest(), "big") >> 1
