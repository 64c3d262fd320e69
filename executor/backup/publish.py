"""A backup's begin and end: whether it may be made at all, and its manifest, with which it exists."""

from __future__ import annotations

import dataclasses
import functools
import hashlib

from backup.damage import Damaged
from backup.keys import PROBE, manifest_key, running_key
from backup.manifest import ClusterManifest, Stored, decode_cluster, encode_cluster
from backup.names import check_backup_name
from backup.s3.body import Bytes
from backup.s3.client import Client
from backup.s3.failure import Exists, NotOffered
from executor.backup import catalog, markers, needs
from executor.backup.control import Control
from executor.backup.depot import Depot
from executor.backup.failure import DamagedObject, Incomplete, NameTaken
from executor.backup.workers import THREADS, Workers

WHO = "cluster"


def check(client: Client, name: str) -> None:
    """Find out before anything is done whether a backup may be made under a name.

    Raises NameTaken, and S3Failed with what is wrong about bucket, keys or region. The store is written to.
    """
    next(client.list(limit=1), None)
    if client.size(manifest_key(check_backup_name(name))) is not None:
        raise _taken(client, name)
    client.put(PROBE, _bytes(b"may this be written?\n"), only_new=False)


def put_schema(client: Client, text: str) -> Stored:
    """Store the cluster's DDL, for the manifest. Call it while a node's upload or its marker lasts."""
    return Depot(client).put_bytes(text.encode())


def publish(client: Client, found: ClusterManifest, operation: str, control: Control) -> None:
    """Write the manifest once all that it names is there, and remove the operation's markers.

    Raises NameTaken, Incomplete, S3Failed, Stopped. It is no error to publish the same manifest again, as who
    has died before it told of the first time does, at a later time of day.
    """
    bound = control.client(client)
    marker = markers.Marker(bound, running_key(found.name, operation, WHO))
    marker.write()
    control.doing("waiting until no deletion runs at the location")
    markers.await_no_deletion(marker, control.pause)
    control.doing("checking that everything is there")
    _check_objects(bound, found, marker)
    if marker.age_seconds > markers.RUNNING_LIVES.total_seconds() / 2:
        raise Incomplete("the check of the backup's objects has taken too long to be relied on: upload again")
    control.doing("writing the manifest")
    _write(bound, found)
    abandon(bound, found.name, operation)


def abandon(client: Client, name: str, operation: str) -> None:
    """Remove the markers of a backup that has ended. Raises S3Failed."""
    keys = [entry.key for entry in client.list(running_key(name, operation))]
    if keys:
        client.delete(keys)


def _check_objects(client: Client, found: ClusterManifest, marker: markers.Marker) -> None:
    try:
        needed = needs.objects(client, found, found.nodes)
    except DamagedObject as error:
        raise Incomplete(f"the backup is incomplete: {error}") from None
    depot = Depot(client)

    def look(digest: str, size: int) -> None:
        marker.renew()
        if (depot.size(digest) or 0) < size:
            raise Incomplete(f"the backup is incomplete: the object {digest} is not there; upload again")

    Workers(client, THREADS).run(functools.partial(look, *item) for item in needed.items())


def _write(client: Client, found: ClusterManifest) -> None:
    data, key = encode_cluster(found), manifest_key(found.name)
    try:
        client.put(key, _bytes(data))
    except Exists:
        _require_same(client, found)
    except NotOffered:
        if client.size(key) is not None:
            _require_same(client, found)
        else:
            client.put(key, _bytes(data), only_new=False)


def _require_same(client: Client, found: ClusterManifest) -> None:
    """Raise NameTaken where the backup of that name is not the one that an earlier attempt has made."""
    try:
        there = decode_cluster(client.read(manifest_key(found.name), catalog.MANIFEST_LIMIT), found.name)
    except Damaged:
        raise _taken(client, found.name) from None
    if dataclasses.replace(there, created_at=found.created_at) != found:
        raise _taken(client, found.name)


def _taken(client: Client, name: str) -> NameTaken:
    return NameTaken(f"there is a backup {name} already at {client.location.shown}: give another backup_name")


def _bytes(data: bytes) -> Bytes:
    return Bytes(data, hashlib.sha256(data).hexdigest())
