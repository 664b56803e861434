"""Checksums of stored replies: one whose checksum does not fit was changed by a disk or a copy."""

from __future__ import annotations

import hashlib


def checksum(key: bytes, body: str) -> bytes:
    """Return the 8 bytes that are stored beside a body."""
    # Text that a damaged row decodes to may hold what UTF-8 cannot encode.
    return hashlib.blake2b(key + body.encode("utf-8", errors="replace"), digest_size=8).digest()


def fits(key: bytes, body: object, stored: bytes | None) -> bool:
    """Whether a body is whole, as far as is known: replies of older versions have no checksum."""
    return isinstance(body, str) and (stored is None or stored == checksum(key, body))
