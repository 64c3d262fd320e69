"""Files of a restore in a staging folder: written, and looked at whether they are there already."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from backup.files import FileEntry
from executor.backup.hashing import digest_of_range

BLOCK_BYTES = 4096
"""What is written past the page cache begins and ends at multiples of it: no disk has larger blocks."""


class Place:
    """A sink that hashes, and writes to a part of an open file.

    As far as possible past the page cache: that saves a copy, and leaves the memory to Cassandra.
    """

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._direct = _bypass_cache(descriptor)
        self._start = offset
        self._end = offset + size
        self.begin()

    def begin(self) -> None:
        """See ``Sink``."""
        self._digest = hashlib.sha256()
        self._offset = self._start

    def write(self, data: memoryview) -> None:
        """See ``Sink``. What does not belong into the part is hashed only."""
        self._digest.update(data)
        data = data[: max(0, self._end - self._offset)]
        while data:
            count = self._write_some(data)
            data, self._offset = data[count:], self._offset + count

    def hexdigest(self) -> str:
        """Of what has come since the last ``begin``."""
        return self._digest.hexdigest()

    def _write_some(self, data: memoryview) -> int:
        """Write as much as goes at once; how many bytes. What does not fill blocks goes by the page cache."""
        if self._direct and (self._offset | len(data)) % BLOCK_BYTES == 0:
            try:
                return os.pwrite(self._descriptor, data, self._offset)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        if self._direct:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, 0)
            self._direct = False
        return os.pwrite(self._descriptor, data, self._offset)


class Memory:
    """A sink for a few MiB."""

    def __init__(self) -> None:
        self.data = bytearray()

    def begin(self) -> None:
        """See ``Sink``."""
        self.data.clear()

    def write(self, data: memoryview) -> None:
        """See ``Sink``."""
        self.data += data


def is_there(path: str, entry: FileEntry, check: Callable[[], None]) -> bool:
    """Whether a small file lies there with its content."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_size != entry.size:
            return False
        return digest_of_range(descriptor, 0, entry.size, check) == entry.sha256
    finally:
        os.close(descriptor)


def write(path: str, data: memoryview) -> None:
    """Write a small file whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def allocate(path: str, size: int) -> int:
    """Make a file of this size, whose segments may come in any order; how many bytes it had.

    With its blocks allocated: segments are then written side by side, where to fill holes each write would
    wait for the one before; and a full disk tells at once.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        found = os.fstat(descriptor).st_size
        if found > size:
            os.ftruncate(descriptor, size)
        elif found < size:
            os.posix_fallocate(descriptor, found, size - found)
        return found
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    """Have the disk keep all of the file system that a folder lies on: far less than a sync for each file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "what was downloaded cannot be written to disk")
    finally:
        os.close(descriptor)


def _bypass_cache(descriptor: int) -> bool:
    """Have an open file be written past the page cache; False where its file system does not offer that."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_DIRECT)
    except OSError:
        return False
    return True
