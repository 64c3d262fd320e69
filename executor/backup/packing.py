"""What of a snapshot is uploaded in which object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from executor.backup.snapshot import Found

MEBIBYTE = 1 << 20
SEGMENT_BYTES = 64 * MEBIBYTE
"""A larger file is cut into segments of this size, which are sent side by side."""

LEAST_SEGMENT_BYTES = 16 * MEBIBYTE
PIECES = 16
"""Where little is new, segments are smaller: so many in all that no thread is left alone with the last."""

SMALL_BYTES = 1 << 20
"""Smaller files are bundled."""

BUNDLE_BYTES = 8 << 20
BUNDLE_FILES = 4096


def segment_bytes(new: int) -> int:
    """How large segments are where so many bytes are new: whole MiB, as a restore writes whole blocks."""
    return min(SEGMENT_BYTES, max(LEAST_SEGMENT_BYTES, -(-new // PIECES // MEBIBYTE) * MEBIBYTE))


def segments(size: int, length: int) -> list[tuple[int, int]]:
    """Offset and size of each segment of a file, ``length`` but for the last."""
    return [(start, min(length, size - start)) for start in range(0, size, length)]


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
