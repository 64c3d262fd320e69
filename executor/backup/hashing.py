"""The SHA-256 of part of a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

BLOCK_BYTES = 1 << 20


def digest_of_range(descriptor: int, offset: int, size: int, check: Callable[[], None]) -> str:
    """In hex. ``check`` is called now and then, and may raise. Raises OSError where the file is shorter."""
    digest = hashlib.sha256()
    block = memoryview(bytearray(min(BLOCK_BYTES, size)))
    end = offset + size
    while offset < end:
        check()
        count = os.preadv(descriptor, [block[: end - offset]], offset)
        if not count:
            raise OSError("a file has become shorter while it was being read")
        digest.update(block[:count])
        offset += count
    return digest.hexdigest()
