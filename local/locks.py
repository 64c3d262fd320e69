"""Locks between commands: a file that one process at a time holds, freed with it, and its to remove."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(path: Path, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold a lock, once whoever has it lets go. ``pause`` is called meanwhile, and may raise to give up."""
    while (descriptor := _try(path)) is None:
        pause(POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed the file: then others hold the one that now has its name.
        if os.path.samestat(path.stat(), os.fstat(descriptor)):
            return descriptor
    os.close(descriptor)
    return None
