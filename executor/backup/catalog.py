"""What backups there are at a location, and what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from backup.damage import Damaged
from backup.files import FileEntry, decode_node
from backup.keys import BACKUPS, backup_name, manifest_key, object_key
from backup.manifest import ClusterManifest, NodeSummary, Stored, decode_cluster
from backup.s3.client import Client
from backup.s3.failure import NotThere
from executor.backup.failure import DamagedObject

MANIFEST_LIMIT = 64 << 20


@dataclass(frozen=True)
class BackupRow:
    """A backup in a list. ``damage`` says why nothing else is known of it."""

    name: str
    created_at: str = ""
    cluster: str = ""
    cassandra_version: str = ""
    nodes: int = 0
    files: int = 0
    bytes: int = 0
    damage: str | None = None


@dataclass(frozen=True)
class TableContents:
    """What a node's part of a backup has of a table."""

    keyspace: str
    table: str
    table_id: str
    files: int
    bytes: int


def names(client: Client) -> list[str]:
    """The names of all backups at the location. Raises S3Failed."""
    found = (backup_name(entry.key) for entry in client.list(BACKUPS))
    return [name for name in found if name is not None]


def rows(client: Client) -> list[BackupRow]:
    """All backups at the location, the damaged ones too. Raises S3Failed."""
    return [row for name in names(client) if (row := _row(client, name)) is not None]


def manifest(client: Client, name: str) -> ClusterManifest:
    """A backup. Raises NotThere, Damaged, S3Failed."""
    try:
        data = client.read(manifest_key(name), MANIFEST_LIMIT)
    except NotThere:
        raise NotThere(f"there is no backup {name} at {client.location.shown}") from None
    return decode_cluster(data, name)


def schema(client: Client, found: ClusterManifest) -> str:
    """The DDL of the cluster. Raises S3Failed."""
    return read_object(client, found.schema, f"the schema of the backup {found.name}").decode()


def files(client: Client, found: ClusterManifest, node: NodeSummary) -> Iterator[FileEntry]:
    """A node's files; read anew at each call. Raises S3Failed, Damaged, and so does the iterator."""
    what = f"the manifest of {node.facts.node} in the backup {found.name}"
    _, entries = decode_node(read_object(client, node.manifest, what), what)
    return entries


def contents(client: Client, found: ClusterManifest, node: NodeSummary) -> list[TableContents]:
    """The tables of a node. Raises S3Failed, Damaged."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for entry in files(client, found, node):
        total = sums.setdefault((entry.keyspace, entry.table, entry.table_id), [0, 0])
        total[0] += 1
        total[1] += entry.size
    return [TableContents(*table, *total) for table, total in sums.items()]


def read_object(client: Client, stored: Stored, what: str) -> bytes:
    """The content of a whole object, hashed. Raises DamagedObject, S3Failed."""
    key = object_key(stored.sha256)
    try:
        data = client.read(key, stored.size)
    except NotThere:
        raise DamagedObject(f"{what} is missing: there is no object {key}") from None
    if hashlib.sha256(data).hexdigest() != stored.sha256:
        raise DamagedObject(f"{what} is damaged: the object {key} has another content")
    return data


def _row(client: Client, name: str) -> BackupRow | None:
    try:
        found = manifest(client, name)
    except NotThere:  # deleted meanwhile
        return None
    except Damaged as error:
        return BackupRow(name, damage=str(error))
    return BackupRow(
        name,
        found.created_at,
        found.cluster,
        found.cassandra_version,
        len(found.nodes),
        found.files,
        found.bytes,
    )
