"""Unpacking a tarball into a folder, and nowhere else."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from executor.failure import TaskFailed

COPY_BYTES = 1 << 20

Check = Callable[[], None]
"""Is called now and then, and may raise to stop."""


def unpack(archive: Path, folder: Path, check: Check) -> None:
    """Unpack a tarball into a new folder, which then survives a power failure. Raises TaskFailed.

    It may hold files, folders and links that stay inside. Of permissions only the right to execute is
    taken over, of owners none.
    """
    folder.mkdir()
    unpacker = _Unpacker(folder.resolve())
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                check()
                unpacker.add(tar, member)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise TaskFailed(f"the tarball cannot be read: {error}") from None
    for path in folder.rglob("*"):
        _to_disk(path)
    _to_disk(folder)


class _Unpacker:
    """Writes a tarball's members below ``root``, which is free of links in its own path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._inside(member.name, member.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member) if member.isfile() else None
        if source is not None:
            _write(source, path, executable=bool(member.mode & 0o100))
        elif member.isdir():
            path.mkdir(exist_ok=True)
        elif member.issym():
            self._inside(os.path.join(os.path.dirname(member.name), member.linkname), member.name)  # noqa: PTH118, PTH120  unlike pathlib's, these keep ".."
            path.symlink_to(member.linkname)
        elif member.islnk():
            path.hardlink_to(self._inside(member.linkname, member.name))
        else:
            raise TaskFailed(f"the tarball holds {member.name}, which is neither file, folder nor link")

    def _inside(self, name: str, member: str) -> Path:
        """The path of a name in the tarball, links on the way followed."""
        plain = Path(os.path.normpath(name))
        # Not pathlib's resolve: before Python 3.13 that raises RuntimeError where links lead in a circle.
        path = Path(os.path.realpath(self._root / plain.parent), plain.name)
        if plain.is_absolute() or plain.parts[:1] == ("..",) or not path.is_relative_to(self._root):
            raise TaskFailed(f"the tarball holds {member}, which would lie outside its folder")
        return path


def _write(source: IO[bytes], path: Path, executable: bool) -> None:
    # Exclusive: nothing is written through a link that an earlier member has laid.
    mode = 0o755 if executable else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with source, os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(source, target, COPY_BYTES)


def _to_disk(path: Path) -> None:
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
