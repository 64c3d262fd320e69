"""The phases of a backup on one node: snapshot, upload, the cluster's schema, the manifest."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

from backup.manifest import (
    ClusterManifest,
    NodeFacts,
    Stored,
    summary_from_json,
    summary_to_json,
)
from executor.backup import publish, snapshot
from executor.backup.upload import UploadJob, upload
from executor.cql import CqlRefused
from executor.failure import NotAnswering
from executor.jolokia import read
from executor.maintenance.disk import MEGABYTE, free_bytes
from executor.management import STORAGE
from executor.transfers.errand import Errand, Unfit

FREE_SHARE = 0.1
"""So much of a volume must be free: a snapshot keeps what compactions would remove meanwhile."""

Outcome = dict[str, Any]


def take_snapshot(errand: Errand) -> Outcome:
    """Link all files as they are now. Raises NotAnswering, Unfit."""
    errand.control.doing("snapshot")
    # Better seen now than once all is uploaded, when the schema is to be read.
    errand.cql().close()
    wanted = int(errand.task.disk_mb * MEGABYTE * FREE_SHARE)
    free = free_bytes(errand.started.layout.volume, errand.task.disk_mb)
    if free < wanted:
        raise NotAnswering(
            f"{free / 1e6:.0f} MB of the volume are free, and a snapshot, which keeps what compactions would "
            f"remove, is only taken where {wanted / 1e6:.0f} MB are"
        )
    with closing(errand.jolokia()) as jolokia:
        snapshot.clear(jolokia, errand.task.tag)
        snapshot.take(jolokia, errand.task.tag)
    files, size = snapshot.size(errand.data, errand.task.tag)
    return {"files": files, "bytes": size}


def upload_snapshot(errand: Errand) -> Outcome:
    """Bring what is new to the place. Raises S3Failed, Stopped, NotAnswering."""
    task, layout = errand.task, errand.started.layout
    if snapshot.size(errand.data, task.tag)[0] == 0:
        raise Unfit("the snapshot is gone, so this node has lost its volume since it was taken: begin anew")
    job = UploadJob(task.name, task.operation, facts(errand), errand.data, task.tag, layout.backup)
    return summary_to_json(upload(errand.client(), job, errand.control))


def facts(errand: Errand) -> NodeFacts:
    """Who the node is. Raises NotAnswering."""
    host_id, version, tokens = errand.ask(
        read(STORAGE, "LocalHostId"), read(STORAGE, "ReleaseVersion"), read(STORAGE, "Tokens")
    )
    server = errand.started.task
    return NodeFacts(
        node=server.node,
        host_id=str(host_id),
        data_center=server.data_center,
        rack=server.rack,
        tokens=in_order(tokens),
        address=errand.started.address,
        cassandra_version=str(version),
    )


def in_order(tokens: Iterable[object]) -> tuple[str, ...]:
    """A node's tokens around the ring: numbers, but for the partitioners that keep keys in order."""
    texts = [str(token) for token in tokens]
    try:
        return tuple(sorted(texts, key=int))
    except ValueError:
        return tuple(sorted(texts))


def save_schema(errand: Errand) -> Outcome:
    """Store the cluster's schema as Cassandra describes it. Raises S3Failed, NotAnswering."""
    errand.control.doing("schema")
    stored = publish.put_schema(errand.client(), ";\n".join(statements(errand)) + "\n")
    return {"sha256": stored.sha256, "size": stored.size}


def statements(errand: Errand) -> list[str]:
    """What makes the schema, in an order that works, table ids and dropped columns included."""
    try:
        with errand.cql() as cql:
            rows = cql.rows("DESCRIBE SCHEMA WITH INTERNALS")
    except CqlRefused as error:
        raise NotAnswering(f"Cassandra refuses to describe its schema: {error}") from None
    return [str(row[3]).strip().rstrip(";") for row in rows if row[3]]


def publish_manifest(errand: Errand) -> Outcome:
    """Make the backup: until its manifest is there, there is none. Raises S3Failed, NotAnswering."""
    errand.control.doing("manifest")
    task = errand.task
    partitioner, version = errand.ask(read(STORAGE, "PartitionerName"), read(STORAGE, "ReleaseVersion"))
    summaries = tuple(summary_from_json(found) for found in task.summaries)
    manifest = ClusterManifest(
        name=task.name,
        cluster=task.cluster,
        created_at=datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
        cassandra_version=str(version),
        partitioner=str(partitioner).rpartition(".")[2],
        num_tokens=len(summaries[0].facts.tokens),
        schema=Stored(str(task.schema["sha256"]), int(task.schema["size"])),
        nodes=summaries,
    )
    publish.publish(errand.client(), manifest, task.operation, errand.control)
    return {"files": manifest.files, "bytes": manifest.bytes}
