"""Reading a backup back, all of it, and hashing it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backup.keys import object_key
from backup.manifest import ClusterManifest, NodeSummary
from backup.s3.client import Client
from backup.s3.failure import NotThere
from executor.backup import catalog, needs
from executor.backup.control import Control
from executor.backup.failure import DamagedObject
from executor.backup.workers import THREADS, Workers

FILES_TOLD = 10
"""How many of the files that need a damaged object are named."""


@dataclass(frozen=True)
class Damage:
    """An object that is not as it was written; ``files`` are some that need it, as node/path."""

    object: str
    reason: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verified:
    """What was read, and what of it is damaged."""

    objects: int
    bytes: int
    damaged: tuple[Damage, ...]


def verify(
    client: Client,
    name: str,
    control: Control,
    nodes: Sequence[str] | None = None,
    threads: int = THREADS,
) -> Verified:
    """Read all objects that some nodes of a backup need, or all of them. Goes on after damage.

    Progress counts objects as files. Raises NotThere, Damaged (the manifest itself), S3Failed, Stopped.
    """
    bound = control.client(client)
    found = catalog.manifest(bound, name)
    parts = found.nodes if nodes is None else tuple(found.node(node) for node in nodes)
    try:
        return _Verification(bound, found, parts, control, threads).run()
    finally:
        bound.close()


class _Verification:
    def __init__(
        self,
        client: Client,
        found: ClusterManifest,
        nodes: Sequence[NodeSummary],
        control: Control,
        threads: int,
    ) -> None:
        self._client = client
        self._found = found
        self._nodes = nodes
        self._control = control
        self._workers = Workers(client, threads)
        self._damaged: dict[str, str] = {}

    def run(self) -> Verified:
        needed = needs.objects(self._client, self._found, self._readable())
        self._control.expect(len(needed), sum(needed.values()))
        self._control.doing("reading everything back")
        self._workers.run(functools.partial(self._check, *item) for item in needed.items())
        damaged = tuple(self._damages())
        return Verified(len(needed), sum(needed.values()), damaged)

    def _readable(self) -> Iterator[NodeSummary]:
        """Nodes whose manifests are sound; what those that are not name cannot be known."""
        for node in self._nodes:
            try:
                catalog.files(self._client, self._found, node)
            except DamagedObject as error:
                self._damaged[node.manifest.sha256] = str(error)
            else:
                yield node

    def _check(self, digest: str, size: int) -> None:
        sink = Hashing()
        try:
            self._client.get(object_key(digest), sink)
        except NotThere:
            self._damaged[digest] = "it is missing"
        else:
            if sink.hexdigest() != digest:
                self._damaged[digest] = "it has another content"
            elif sink.size < size:
                self._damaged[digest] = "it is shorter than what it is to hold"
        self._control.add(1, size)

    def _damages(self) -> Iterator[Damage]:
        users: dict[str, list[str]] = {digest: [] for digest in self._damaged}
        if users:
            for node in self._nodes:
                if node.manifest.sha256 not in users:
                    self._find_users(node, users)
        for digest, reason in self._damaged.items():
            yield Damage(object_key(digest), reason, tuple(users[digest]))

    def _find_users(self, node: NodeSummary, users: dict[str, list[str]]) -> None:
        for entry in catalog.files(self._client, self._found, node):
            for part in entry.parts:
                told = users.get(part.sha256)
                if told is not None and len(told) < FILES_TOLD:
                    told.append(f"{node.facts.node}/{entry.path}")


class Hashing:
    """A sink that only hashes."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """See ``Sink``."""
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: memoryview) -> None:
        """See ``Sink``."""
        self._digest.update(data)
        self.size += len(data)

    def hexdigest(self) -> str:
        """Of what has come since the last ``begin``."""
        return self._digest.hexdigest()
