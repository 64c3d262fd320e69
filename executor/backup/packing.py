"""What of a snapshot is uploaded in which object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from executor.backup.snapshot import Found

SEGMENT_BYTES = 64 << 20
"""A larger file is cut into segments of this size, which are sent side by side."""

SMALL_BYTES = 1 << 20
"""Smaller files are bundled."""

BUNDLE_BYTES = 8 << 20
BUNDLE_FILES = 4096


def segments(size: int) -> list[tuple[int, int]]:
    """Offset and size of each segment of a file."""
    return [(start, min(SEGMENT_BYTES, size - start)) for start in range(0, size, SEGMENT_BYTES)]


def bundles(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Small files in groups, each for one object."""
    group: list[Found] = []
    size = 0
    for found in files:
        if group and (size + found.size > BUNDLE_BYTES or len(group) >= BUNDLE_FILES):
            yield group
            group, size = [], 0
        group.append(found)
        size += found.size
    if group:
        yield group
