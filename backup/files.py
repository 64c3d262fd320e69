"""A node's manifest: one line for each file, fields apart by tabs, so that a shell can read it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import NamedTuple

from backup.damage import Damaged
from backup.manifest import FORMAT, NodeFacts, check_format, facts_from_json, parse_json
from backup.names import DIGEST, is_component, is_table_folder
from backup.seal import seal, unseal

KIND = "cassandra-backup-node"
FIELDS = 7


class Part(NamedTuple):
    """``size`` bytes of an object from ``offset`` on; ``sha256`` in hex is of the whole object."""

    sha256: str
    offset: int
    size: int


class FileEntry(NamedTuple):
    """A file of a table. ``name`` may be below the folder of a secondary index: ``.<index>/<component>``.

    Its content is that of its parts, one after the other. ``sha256`` is that of the content where there is
    at most one part; where there are more it is that of a text: the SHA-256 of each part's object in hex,
    each with a line's end.
    """

    keyspace: str
    table: str
    table_id: str
    name: str
    size: int
    sha256: str
    parts: tuple[Part, ...]

    @property
    def folder(self) -> str:
        """The table's folder below Cassandra's data directory."""
        return f"{self.keyspace}/{self.table}-{self.table_id}"

    @property
    def path(self) -> str:
        """The file's path below Cassandra's data directory."""
        return f"{self.folder}/{self.name}"


def content_digest(parts: tuple[Part, ...]) -> str:
    """The ``sha256`` of a file whose parts are whole objects."""
    if len(parts) == 1:
        return parts[0].sha256
    return hashlib.sha256("".join(f"{part.sha256}\n" for part in parts).encode()).hexdigest()


def encode_node(backup: str, facts: NodeFacts, files: Iterable[FileEntry]) -> bytes:
    """As it lies at the location: a line of JSON, the files, and a last line with the SHA-256 of it all."""
    head = json.dumps({"kind": KIND, "format": FORMAT, "backup": backup, **asdict(facts)})
    return seal("\n".join([head, *map(encode_file, files), ""]).encode())


def encode_file(entry: FileEntry) -> str:
    """One line, without its end."""
    keyspace, table, table_id, name, size, digest, parts = entry
    return f"{keyspace}\t{table}\t{table_id}\t{name}\t{size}\t{digest}\t{encode_parts(parts)}"


def encode_parts(parts: tuple[Part, ...]) -> str:
    """Object, offset and size of each, apart by colons; parts apart by commas."""
    return ",".join(f"{digest}:{offset}:{size}" for digest, offset, size in parts)


def decode_node(data: bytes, what: str) -> tuple[NodeFacts, Iterator[FileEntry]]:
    """Read a node's manifest. Raises Damaged, and so does the iterator."""
    head, _, lines = unseal(data, what).partition(b"\n")
    found = parse_json(head, what)
    check_format(found, KIND, what)
    try:
        facts = facts_from_json(found)
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{what} is damaged: {error!r}") from None
    return facts, _files(lines, what)


def decode_parts(text: str) -> tuple[Part, ...]:
    """Read what ``encode_parts`` has made. Raises ValueError."""
    return tuple([_part(*part.split(":")) for part in text.split(",")]) if text else ()


def _files(lines: bytes, what: str) -> Iterator[FileEntry]:
    for number, line in enumerate(lines.splitlines(), 2):
        try:
            yield _file(line.decode("ascii"))
        except (ValueError, TypeError) as error:
            raise Damaged(f"{what} is damaged: line {number}: {error}") from None


def _file(line: str) -> FileEntry:
    keyspace, table, table_id, name, size, digest, parts = line.split("\t")
    if not is_table_folder(keyspace, table, table_id) or not is_component(name):
        raise ValueError("it names what cannot be a table's file")
    if not DIGEST.fullmatch(digest):
        raise ValueError("it has no SHA-256")
    entry = FileEntry(keyspace, table, table_id, name, int(size), digest, decode_parts(parts))
    if sum(part.size for part in entry.parts) != entry.size:
        raise ValueError("its parts have not its size")
    return entry


def _part(digest: str, offset: str, size: str) -> Part:
    if not offset.isdecimal() or not size.isdecimal():
        raise ValueError("a part is not one")
    return Part(_object(digest), int(offset), int(size))


@functools.lru_cache(maxsize=1024)
def _object(digest: str) -> str:
    """The digest itself, once in memory: hundreds of files are parts of one object. Raises ValueError."""
    if not DIGEST.fullmatch(digest):
        raise ValueError("a part is not one")
    return digest
