"""What a restore writes to a part of a file, in pieces of any size."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from executor.backup.staging import BLOCK_BYTES, Place, allocate

PIECES = st.sampled_from([1, 511, 512, BLOCK_BYTES, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES + 1])
ROOM = 4 * BLOCK_BYTES


@given(st.sampled_from([0, 1, 512, BLOCK_BYTES]), st.lists(PIECES, max_size=6), st.sampled_from([0, 1, 512]))
@example(0, [2 * BLOCK_BYTES, BLOCK_BYTES, 5], 0)  # past the page cache, but for the end
@example(0, [BLOCK_BYTES], 1)  # the memory does not begin where the disk would have it
def test_the_last_attempt_is_what_lies_in_the_part_and_nothing_else_changes(
    offset: int, pieces: list[int], beginning: int
) -> None:
    """The pieces lie ``beginning`` bytes after a page's begin."""
    content = os.urandom(sum(pieces))
    buffer = memoryview(mmap.mmap(-1, ROOM + mmap.PAGESIZE))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(b"\0" * (offset + len(content) + 5))
        descriptor = os.open(path, os.O_RDWR)
        place = Place(descriptor, offset, len(content))
        for attempt in (b"?" * len(content), content):
            place.begin()
            done = 0
            for size in pieces:
                view = buffer[beginning : beginning + size]
                view[:] = attempt[done : done + size]
                place.write(view)
                done += size
        os.close(descriptor)
        assert path.read_bytes() == b"\0" * offset + content + b"\0" * 5
        assert place.hexdigest() == hashlib.sha256(content).hexdigest()


def test_a_file_gets_its_size_and_its_blocks_and_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert allocate(str(path), 1 << 20) == 0
    assert path.read_bytes() == bytes(1 << 20)
    assert path.stat().st_blocks * 512 >= 1 << 20
    path.write_bytes(b"abc")
    assert allocate(str(path), 5) == 3
    assert path.read_bytes() == b"abc\0\0"
    assert allocate(str(path), 2) == 5
    assert allocate(str(path), 2) == 2
    assert path.read_bytes() == b"ab"
