"""A manifest's last line: the SHA-256 of all that stands before it."""

from __future__ import annotations

import hashlib

from backup.damage import Damaged

LABEL = b"sha256\t"


def seal(data: bytes) -> bytes:
    """Add the last line. ``data`` ends with a line's end."""
    return data + LABEL + hashlib.sha256(data).hexdigest().encode() + b"\n"


def unseal(data: bytes, what: str) -> bytes:
    """Take the last line off and check it. Raises Damaged."""
    start = data.rfind(b"\n", 0, -1) + 1
    if not data[start:].startswith(LABEL):
        raise Damaged(f"{what} is damaged: it lacks its last line")
    if seal(data[:start]) != data:
        raise Damaged(f"{what} is damaged: its content has not the SHA-256 that its last line says")
    return data[:start]
