"""The cluster's manifest: what a backup is, and what each node's part of it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from backup.damage import Damaged
from backup.names import BACKUP_NAME, DIGEST, NODE_NAME
from backup.seal import seal, unseal

FORMAT = 1
KIND = "cassandra-backup"


@dataclass(frozen=True)
class Stored:
    """A whole object: the SHA-256 of its content in hex, which its key is made of, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class NodeFacts:
    """A node as it was. ``tokens`` are all of its tokens, in Cassandra's decimal form."""

    node: str
    host_id: str
    data_center: str
    rack: str
    tokens: tuple[str, ...]
    address: str
    cassandra_version: str


@dataclass(frozen=True)
class NodeSummary:
    """A node's part of a backup: its manifest, and the files and bytes that this names."""

    facts: NodeFacts
    manifest: Stored
    files: int
    bytes: int


@dataclass(frozen=True)
class ClusterManifest:
    """A backup. ``created_at`` is ISO 8601 in UTC; ``schema`` is the object with the cluster's DDL."""

    name: str
    cluster: str
    created_at: str
    cassandra_version: str
    partitioner: str
    num_tokens: int
    schema: Stored
    nodes: tuple[NodeSummary, ...]

    @property
    def files(self) -> int:
        """How many files all nodes have."""
        return sum(node.files for node in self.nodes)

    @property
    def bytes(self) -> int:
        """The size of all nodes' files."""
        return sum(node.bytes for node in self.nodes)

    def node(self, name: str) -> NodeSummary:
        """A node's part. Raises Damaged where there is none of that name."""
        for found in self.nodes:
            if found.facts.node == name:
                return found
        raise Damaged(f"the backup {self.name} has no node {name}")


def encode_cluster(manifest: ClusterManifest) -> bytes:
    """As it lies at the location: JSON, and a last line with the SHA-256 of all before it."""
    found = {
        "kind": KIND,
        "format": FORMAT,
        **asdict(manifest),
        "files": manifest.files,
        "bytes": manifest.bytes,
    }
    return seal(json.dumps(found, indent=1).encode() + b"\n")


def decode_cluster(data: bytes, name: str) -> ClusterManifest:
    """Read the manifest of the backup of that name. Raises Damaged."""
    what = f"the manifest of the backup {name}"
    found = parse_json(unseal(data, what), what)
    check_format(found, KIND, what)
    try:
        manifest = ClusterManifest(
            name=_text(found["name"]),
            cluster=_text(found["cluster"]),
            created_at=_text(found["created_at"]),
            cassandra_version=_text(found["cassandra_version"]),
            partitioner=_text(found["partitioner"]),
            num_tokens=_count(found["num_tokens"]),
            schema=_stored(found["schema"]),
            nodes=tuple(summary_from_json(node) for node in found["nodes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{what} is damaged: {error!r}") from None
    if manifest.name != name or not BACKUP_NAME.fullmatch(name):
        raise Damaged(f"{what} is that of another backup, {manifest.name}")
    return manifest


def summary_to_json(summary: NodeSummary) -> dict[str, Any]:
    """Dictionaries, lists, texts and numbers only."""
    found = asdict(summary)
    found["facts"]["tokens"] = list(summary.facts.tokens)
    return found


def summary_from_json(found: Any) -> NodeSummary:
    """Read what ``summary_to_json`` has made. Raises ValueError, KeyError, TypeError."""
    return NodeSummary(
        facts_from_json(found["facts"]),
        _stored(found["manifest"]),
        _count(found["files"]),
        _count(found["bytes"]),
    )


def facts_from_json(found: Any) -> NodeFacts:
    """Read a node's facts. Raises ValueError, KeyError, TypeError."""
    node = _text(found["node"])
    if not NODE_NAME.fullmatch(node):
        raise ValueError(f"{node!r} is no node's name")
    others = {
        name: _text(found[name]) for name in NodeFacts.__dataclass_fields__ if name not in ("node", "tokens")
    }
    return NodeFacts(node=node, tokens=tuple(_text(token) for token in found["tokens"]), **others)


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object. Raises Damaged."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Damaged(f"{what} is damaged: it is not JSON")
    return found


def check_format(found: dict[str, Any], kind: str, what: str) -> None:
    """Raise Damaged where this is something else, or of a later format."""
    if found.get("kind") != kind:
        raise Damaged(f"{what} is not one: its kind is {found.get('kind')!r}")
    if found.get("format") != FORMAT:
        raise Damaged(f"{what} has the format {found.get('format')!r}, and this version reads {FORMAT}")


def _stored(found: Any) -> Stored:
    digest = _text(found["sha256"])
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no SHA-256")
    return Stored(digest, _count(found["size"]))


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError(f"{found!r} is not a text")
    return found


def _count(found: Any) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise TypeError(f"{found!r} is not a count")
    return found
