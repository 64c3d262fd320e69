"""Which objects a backup, or a node's part of it, cannot do without."""

from __future__ import annotations

from collections.abc import Iterable

from backup.manifest import ClusterManifest, NodeSummary
from backup.s3.client import Client
from executor.backup import catalog


def objects(client: Client, found: ClusterManifest, nodes: Iterable[NodeSummary]) -> dict[str, int]:
    """The SHA-256 of each object that some nodes need, the schema too, and how large it is at least.

    Raises S3Failed, Damaged.
    """
    needed = {found.schema.sha256: found.schema.size}
    for node in nodes:
        needed[node.manifest.sha256] = node.manifest.size
        for entry in catalog.files(client, found, node):
            for part in entry.parts:
                end = part.offset + part.size
                if needed.get(part.sha256, -1) < end:
                    needed[part.sha256] = end
    return needed
