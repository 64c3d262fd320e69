"""A node's part of a backup: its snapshot's files to the location, only what is new, and its manifest."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backup.files import FileEntry, Part, content_digest, encode_node
from backup.keys import running_key
from backup.manifest import NodeFacts, NodeSummary
from backup.s3.body import FilePart
from backup.s3.client import Client
from executor.backup import markers, snapshot
from executor.backup.control import Control
from executor.backup.depot import Depot
from executor.backup.hashing import digest_of_range
from executor.backup.known import Content, Known
from executor.backup.packing import SMALL_BYTES, bundles, segment_bytes, segments
from executor.backup.snapshot import Found
from executor.backup.workers import THREADS, CountDown, Task, Workers

LEAST_USE = 4
"""A bundle of which less than this part was of use to the last backup is bundled anew."""


@dataclass(frozen=True)
class UploadJob:
    """``data`` is Cassandra's data directory, ``tag`` its snapshot's, ``cache`` a folder in the volume.

    ``operation`` is the operation's id: an upload that goes on has the same.
    """

    backup: str
    operation: str
    facts: NodeFacts
    data: Path
    tag: str
    cache: Path
    threads: int = THREADS


def upload(client: Client, job: UploadJob, control: Control) -> NodeSummary:
    """Upload a snapshot; go on where an earlier attempt came to. Its marker stays until the backup's end.

    Raises S3Failed, Stopped, OSError.
    """
    bound = control.client(client)
    marker = markers.Marker(bound, running_key(job.backup, job.operation, job.facts.node))
    known = Known(job.cache, client.location)
    try:
        marker.write()
        control.doing("waiting until no deletion runs at the location")
        markers.await_no_deletion(marker, control.pause)
        return _Upload(bound, job, control, marker, known).run()
    finally:
        known.close()
        bound.close()


class _Upload:
    def __init__(
        self, client: Client, job: UploadJob, control: Control, marker: markers.Marker, known: Known
    ) -> None:
        self._depot = Depot(client)
        self._job = job
        self._control = control
        self._marker = marker
        self._known = known
        self._workers = Workers(client, job.threads)
        self._lock = threading.Lock()
        self._parts: dict[str, tuple[Part, ...]] = {}
        """Where small contents lie, by their SHA-256; all of it is there."""

    def run(self) -> NodeSummary:
        self._control.doing("looking for what is new")
        files = list(snapshot.files(self._job.data, self._job.tag))
        size = sum(found.size for found in files)
        self._control.expect(len(files), size)
        self._forget_what_is_gone()
        self._control.doing("uploading")
        self._workers.run(self._tasks(self._new(files)))
        self._control.doing("writing the node's manifest")
        manifest = self._depot.put_bytes(encode_node(self._job.backup, self._job.facts, self._entries(files)))
        self._known.keep(found.identity for found in files)
        return NodeSummary(self._job.facts, manifest, len(files), size)

    def _forget_what_is_gone(self) -> None:
        """Know only contents whose objects are there, and are worth referring to."""
        contents = self._known.contents
        used: dict[str, int] = defaultdict(int)
        ends: dict[str, int] = defaultdict(int)
        for part in {part for content in contents.values() for part in content.parts}:
            used[part.sha256] += part.size
            ends[part.sha256] = max(ends[part.sha256], part.offset + part.size)
        sizes: dict[str, int | None] = {}
        self._workers.run(functools.partial(self._look, digest, sizes) for digest in used)
        good = {
            digest
            for digest, there in sizes.items()
            if there is not None and ends[digest] <= there <= used[digest] * LEAST_USE
        }
        for identity, content in list(contents.items()):
            if any(part.sha256 not in good for part in content.parts):
                del contents[identity]
            elif len(content.parts) == 1:
                self._parts[content.sha256] = content.parts

    def _look(self, digest: str, sizes: dict[str, int | None]) -> None:
        self._marker.renew()
        sizes[digest] = self._depot.size(digest)

    def _new(self, files: list[Found]) -> list[Found]:
        """What is to be read; the others are done."""
        contents = self._known.contents
        new = [found for found in files if found.identity not in contents]
        size = sum(found.size for found in files) - sum(found.size for found in new)
        self._control.add(len(files) - len(new), size)
        return new

    def _tasks(self, files: list[Found]) -> Iterator[Task]:
        length = segment_bytes(sum(found.size for found in files))
        for found in files:
            if found.size > SMALL_BYTES:
                yield from _Large(found, self, length).tasks()
        for group in bundles(found for found in files if found.size <= SMALL_BYTES):
            yield functools.partial(self._bundle, group)

    def _bundle(self, group: list[Found]) -> None:
        """Upload what is not there yet of some small files, as one object."""
        self._marker.renew()
        bundle = bytearray()
        places: dict[str, tuple[int, int]] = {}
        digests: list[str] = []
        for found in group:
            data = _read(found)
            digest = hashlib.sha256(data).hexdigest()
            digests.append(digest)
            if digest not in self._parts and digest not in places:
                places[digest] = (len(bundle), len(data))
                bundle += data
        if bundle:
            stored = self._depot.put_bytes(bundle)
            new = {
                digest: (Part(stored.sha256, offset, size),) if size else ()
                for digest, (offset, size) in places.items()
            }
        else:
            new = dict.fromkeys(places, ())
        with self._lock:
            self._parts.update(new)
        self._known.add(
            (found.identity, Content(digest, self._parts[digest]))
            for found, digest in zip(group, digests, strict=True)
        )
        self._control.add(len(group), sum(found.size for found in group))

    def segment(self, path: str, offset: int, size: int) -> Part:
        """Upload a segment of a file, if it is not there."""
        self._marker.renew()
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  Path.open does the same and more
            digest = digest_of_range(file.fileno(), offset, size, self._control.check)
            if self._depot.size(digest) != size:
                self._depot.put(FilePart(file.fileno(), offset, size, digest))
        self._control.add(0, size)
        return Part(digest, 0, size)

    def complete(self, found: Found, parts: tuple[Part, ...]) -> None:
        """All segments of a file are there."""
        self._known.add([(found.identity, Content(content_digest(parts), parts))])
        self._control.add(1, 0)

    def _entries(self, files: list[Found]) -> Iterator[FileEntry]:
        contents = self._known.contents
        for keyspace, table, table_id, name, _, size, identity in files:
            digest, parts = contents[identity]
            yield FileEntry(keyspace, table, table_id, name, size, digest, parts)


class _Large:
    """A file that is uploaded in segments; whichever thread ends the last of them completes it."""

    def __init__(self, found: Found, upload: _Upload, length: int) -> None:
        self._found = found
        self._upload = upload
        self._segments = segments(found.size, length)
        self._parts: dict[int, Part] = {}
        self._left = CountDown(len(self._segments))

    def tasks(self) -> Iterator[Task]:
        return (functools.partial(self._do, offset, size) for offset, size in self._segments)

    def _do(self, offset: int, size: int) -> None:
        part = self._upload.segment(self._found.path, offset, size)
        self._parts[offset] = part
        if self._left.last():
            self._upload.complete(self._found, tuple(self._parts[offset] for offset, _ in self._segments))


def _read(found: Found) -> bytes:
    descriptor = os.open(found.path, os.O_RDONLY)
    try:
        data = os.read(descriptor, found.size + 1)
    finally:
        os.close(descriptor)
    if len(data) != found.size:
        raise OSError(f"{found.path} has changed while it was being uploaded")
    return data
