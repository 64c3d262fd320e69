"""A node's part of a backup into a staging folder of the volume, hashed on the way."""

from __future__ import annotations

import functools
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backup.damage import Damaged
from backup.files import FileEntry, Part, content_digest
from backup.keys import object_key
from backup.s3.client import Client, Sink
from backup.s3.failure import NotThere, TooShort
from executor.backup import catalog, staging
from executor.backup.control import Control
from executor.backup.failure import DamagedObject
from executor.backup.hashing import digest_of_range
from executor.backup.packing import BUNDLE_BYTES
from executor.backup.workers import THREADS, CountDown, Task, Workers


@dataclass(frozen=True)
class DownloadJob:
    """What to bring where. ``node`` is the name in the backup; ``tables`` are ``keyspace.table``.

    ``staging`` is a folder for this restore alone, on the file system of Cassandra's data.
    Without ``tables`` it is everything.
    """

    name: str
    node: str
    staging: Path
    tables: frozenset[str] | None = None
    threads: int = THREADS

    def wants(self, entry: FileEntry) -> bool:
        """Whether a file is to be brought."""
        return self.tables is None or f"{entry.keyspace}.{entry.table}" in self.tables


@dataclass(frozen=True)
class Downloaded:
    """What lies in the staging folder now."""

    files: int
    bytes: int


def download(client: Client, job: DownloadJob, control: Control) -> Downloaded:
    """Bring files to ``<staging>/<keyspace>/<table>-<id>/``, and have the disk keep them.

    What lies there already with the right content is not brought again. Raises NotThere, Damaged,
    DamagedObject with the object's and a file's name, S3Failed, Stopped, OSError.
    """
    bound = control.client(client)
    try:
        return _Download(bound, job, control).run()
    finally:
        bound.close()


class _Download:
    def __init__(self, client: Client, job: DownloadJob, control: Control) -> None:
        self._client = client
        self._job = job
        self._control = control
        self._staging = str(job.staging)
        self._empty: set[str] = set()
        """Folders that were made just now."""

    def run(self) -> Downloaded:
        self._control.doing("reading the manifest")
        found = catalog.manifest(self._client, self._job.name)
        entries = catalog.files(self._client, found, found.node(self._job.node))
        wanted = [entry for entry in entries if self._job.wants(entry)]
        size = sum(entry.size for entry in wanted)
        self._control.expect(len(wanted), size)
        self._make_folders(wanted)
        self._control.doing("downloading")
        Workers(self._client, self._job.threads).run(self._tasks(wanted))
        self._control.doing("writing everything to disk")
        staging.sync(self._job.staging)
        return Downloaded(len(wanted), size)

    def _make_folders(self, entries: list[FileEntry]) -> None:
        self._job.staging.mkdir(parents=True, exist_ok=True)
        for folder in {os.path.dirname(self._path(entry)) for entry in entries}:  # noqa: PTH120
            try:
                os.makedirs(folder)  # noqa: PTH103
                self._empty.add(folder)
            except FileExistsError:
                continue

    def _tasks(self, entries: list[FileEntry]) -> Iterator[Task]:
        bundled: dict[str, list[FileEntry]] = defaultdict(list)
        for entry in entries:
            if entry.size > BUNDLE_BYTES or len(entry.parts) > 1:
                yield from self._segments(entry)
            else:
                bundled[entry.parts[0].sha256 if entry.parts else ""].append(entry)
        for group in bundled.values():
            yield from (functools.partial(self._unbundle, run) for run in _runs(group))

    def _segments(self, entry: FileEntry) -> Iterator[Task]:
        if any(part.offset for part in entry.parts) or content_digest(entry.parts) != entry.sha256:
            raise Damaged(f"the manifest is damaged: {entry.path} has not the SHA-256 of its parts")
        found = staging.allocate(self._path(entry), entry.size)
        left = CountDown(len(entry.parts))
        offset = 0
        for part in entry.parts:
            yield functools.partial(self._segment, entry, part, offset, left, found > offset)
            offset += part.size

    def _segment(self, entry: FileEntry, part: Part, offset: int, left: CountDown, looking: bool) -> None:
        descriptor = os.open(self._path(entry), os.O_RDWR)
        try:
            check = self._control.check
            if not looking or digest_of_range(descriptor, offset, part.size, check) != part.sha256:
                place = staging.Place(descriptor, offset, part.size)
                self._get(entry, part.sha256, place)
                if place.hexdigest() != part.sha256:
                    raise _damaged(entry, part.sha256, "it has another content")
                # What went by the page cache: begin to write it to disk, and leave the memory to Cassandra.
                os.posix_fadvise(descriptor, offset, part.size, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
        self._control.add(left.last(), part.size)

    def _unbundle(self, group: list[FileEntry]) -> None:
        """Bring small files of one object."""
        missing = [entry for entry in group if not self._is_there(entry)]
        sized = [entry for entry in missing if entry.parts]
        start = min((entry.parts[0].offset for entry in sized), default=0)
        end = max((entry.parts[0].offset + entry.size for entry in sized), default=0)
        memory = staging.Memory()
        if sized:
            self._get(sized[0], sized[0].parts[0].sha256, memory, start, end - start)
        content = memoryview(memory.data)
        for entry in missing:
            offset = entry.parts[0].offset - start if entry.parts else 0
            data = content[offset : offset + entry.size]
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                raise _damaged(entry, entry.parts[0].sha256 if entry.parts else "", "it has another content")
            staging.write(self._path(entry), data)
        self._control.add(len(group), sum(entry.size for entry in group))

    def _get(
        self, entry: FileEntry, digest: str, sink: Sink, offset: int = 0, size: int | None = None
    ) -> None:
        try:
            self._client.get(object_key(digest), sink, offset, size)
        except TooShort:
            raise _damaged(entry, digest, "it is cut off") from None
        except NotThere:
            raise _damaged(entry, digest, "it is missing") from None

    def _is_there(self, entry: FileEntry) -> bool:
        path = self._path(entry)
        if os.path.dirname(path) in self._empty:  # noqa: PTH120
            return False
        return staging.is_there(path, entry, self._control.check)

    def _path(self, entry: FileEntry) -> str:
        # Not a Path: there may be hundreds of thousands.
        return f"{self._staging}/{entry.path}"


def _runs(group: list[FileEntry]) -> Iterator[list[FileEntry]]:
    """Files of one object, in groups that lie close enough together to be read at once."""
    run: list[FileEntry] = []
    start = 0
    for entry in sorted(group, key=_offset):
        if run and _offset(entry) + entry.size - start > BUNDLE_BYTES:
            yield run
            run = []
        if not run:
            start = _offset(entry)
        run.append(entry)
    if run:
        yield run


def _offset(entry: FileEntry) -> int:
    return entry.parts[0].offset if entry.parts else 0


def _damaged(entry: FileEntry, digest: str, reason: str) -> DamagedObject:
    return DamagedObject(f"the object {object_key(digest)}, which {entry.path} is in, is damaged: {reason}")
