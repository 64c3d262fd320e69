"""How much room a volume has, and how much work on a table may need."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

MEGABYTE = 2**20
BLOCK = 512
"""The unit of ``st_blocks``, whatever the file system's own blocks are."""


def free_bytes(volume: Path, disk_mb: float) -> int:
    """What may still be written: of the volume's size, and of the file system that it lies on."""
    system = os.statvfs(volume)
    used = sum(found.st_blocks * BLOCK for _, found in _files(volume))
    return max(0, min(int(disk_mb * MEGABYTE) - used, system.f_bavail * system.f_frsize))


def sstables(data: Path, keyspace: str, table: str) -> list[int]:
    """The sizes of a table's SSTables, those of its indexes too, in bytes; without its snapshots."""
    sizes: dict[Path, int] = defaultdict(int)
    for folder in (data / keyspace).glob(f"{table}-*"):
        for path, found in _files(folder, skip=("snapshots", "backups")):
            sizes[path.parent / path.name.rpartition("-")[0]] += found.st_size
    return list(sizes.values())


def _files(folder: Path, skip: tuple[str, ...] = ()) -> Iterator[tuple[Path, os.stat_result]]:
    """All files below a folder that are still there by the time they are looked at."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in skip]
        for name in names:
            path = Path(where, name)
            try:
                yield path, path.lstat()
            except FileNotFoundError:
                continue
