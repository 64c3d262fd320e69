"""Deleting backups, and then the objects that no backup names any more."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from backup.damage import Damaged
from backup.keys import OBJECTS, collecting_key, digest_of, manifest_key
from backup.s3.client import AT_ONCE, Client
from backup.s3.failure import NotThere, S3Failed
from executor.backup import catalog, markers, needs
from executor.backup.control import Control
from executor.backup.failure import NeedsForce
from executor.backup.workers import THREADS, Task, Workers

GRACE_SECONDS = 24 * 3600.0
"""Younger objects stay in any case: a backup whose marker was lost may rely on them."""

HELD_UP_SECONDS = markers.COLLECTING_LIVES.total_seconds() / 3
"""A deletion that could not renew its marker for so long has to start again: backups may have begun."""


@dataclass(frozen=True)
class Deleted:
    """What was removed; ``kept_young`` objects are named by no backup and younger than the grace period.

    ``running`` are backups in progress at the location: while there are any, all objects stay.
    """

    backups: tuple[str, ...]
    objects: int = 0
    bytes: int = 0
    kept_young: int = 0
    running: tuple[str, ...] = ()


def delete(
    client: Client,
    names: Sequence[str],
    control: Control,
    *,
    force: bool = False,
    grace_seconds: float = GRACE_SECONDS,
) -> Deleted:
    """Delete backups by name, none or several, and then what no backup at the location needs.

    Raises NeedsForce, NotThere where there is no such backup, S3Failed, Stopped.
    """
    bound = control.client(client)
    marker = markers.Marker(bound, collecting_key(uuid.uuid4().hex))
    marker.write()
    try:
        if not marker.conditional() and not force:
            raise NeedsForce(
                f"the store at {client.location.host} does not refuse to write over an object, so a backup "
                "that runs at the same time might lose some: delete with force if none does"
            )
        return _Collection(bound, names, control, marker, grace_seconds).run()
    finally:
        marker.remove_quietly()
        bound.close()


class _Collection:
    def __init__(
        self,
        client: Client,
        names: Sequence[str],
        control: Control,
        marker: markers.Marker,
        grace_seconds: float,
    ) -> None:
        self._client = client
        self._names = names
        self._control = control
        self._marker = marker
        self._grace = timedelta(seconds=grace_seconds)
        self._young = 0

    def run(self) -> Deleted:
        # Before the manifests are read: whoever has no marker by now has written its own, or waits for us.
        running = tuple(markers.running_backups(self._marker))
        self._delete_manifests()
        if running:
            return Deleted(tuple(self._names), running=running)
        self._control.doing("reading what the other backups need")
        needed = self._needed()
        self._control.doing("removing what no backup needs")
        Workers(self._client, THREADS).run(self._batches(needed))
        done = self._control.progress()
        return Deleted(tuple(self._names), done.files_done, done.bytes_done, self._young)

    def _delete_manifests(self) -> None:
        for name in self._names:
            if self._client.size(manifest_key(name)) is None:
                raise NotThere(f"there is no backup {name} at {self._client.location.shown}")
        if self._names:
            self._client.delete([manifest_key(name) for name in self._names])

    def _needed(self) -> set[bytes]:
        needed: set[bytes] = set()
        for name in catalog.names(self._client):
            self._renew()
            try:
                found = catalog.manifest(self._client, name)
                needed.update(map(bytes.fromhex, needs.objects(self._client, found, found.nodes)))
            except NotThere:  # another deletion
                continue
            except Damaged as error:
                raise S3Failed(
                    f"no object is removed: what the backup {name} needs is unknown: {error}"
                ) from None
        return needed

    def _batches(self, needed: set[bytes]) -> Iterator[Task]:
        now = self._marker.now()
        batch: list[str] = []
        size = 0
        for entry in self._client.list(OBJECTS):
            self._renew()
            digest = digest_of(entry.key)
            if digest is None or bytes.fromhex(digest) in needed:
                continue
            if now - entry.modified <= self._grace:
                self._young += 1
                continue
            batch.append(entry.key)
            size += entry.size
            if len(batch) == AT_ONCE:
                yield functools.partial(self._remove, batch, size)
                batch, size = [], 0
        if batch:
            yield functools.partial(self._remove, batch, size)

    def _remove(self, keys: list[str], size: int) -> None:
        self._renew()
        self._client.delete(keys)
        self._control.add(len(keys), size)

    def _renew(self) -> None:
        if self._marker.age_seconds > HELD_UP_SECONDS:
            raise S3Failed("the deletion was held up for too long to be safe beside a backup: start it again")
        self._marker.renew()
