"""Snapshots: taken and cleared by Cassandra, read as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from backup.names import is_component, is_table_folder
from executor.failure import NotAnswering
from executor.jolokia import Jolokia, Request, execute, read
from executor.management import STORAGE

TAKE = "takeSnapshot(java.lang.String,java.util.Map,[Ljava.lang.String;)"
CLEAR = "clearSnapshot(java.util.Map,java.lang.String,[Ljava.lang.String;)"
LEFT_OUT = frozenset({"system"})
"""What a node knows of itself alone. A node that is restored writes it anew."""

SECONDS = 600.0
"""A flush of all tables on a busy disk takes its time."""


class Found(NamedTuple):
    """A file of a snapshot: ``name`` is below the table's folder.

    ``identity`` tells it from all files that this volume has ever had.
    """

    keyspace: str
    table: str
    table_id: str
    name: str
    path: str
    size: int
    identity: str


def take(jolokia: Jolokia, tag: str) -> None:
    """Flush, and link all files of all keyspaces under a tag. Raises NotAnswering."""
    keyspaces = _ask(jolokia, read(STORAGE, "Keyspaces"))
    kept = [keyspace for keyspace in keyspaces if keyspace not in LEFT_OUT]
    _ask(jolokia, execute(STORAGE, TAKE, tag, {"skipFlush": "false"}, kept))


def clear(jolokia: Jolokia, tag: str) -> None:
    """Remove the snapshots of a tag; it is no error where there are none. Raises NotAnswering."""
    _ask(jolokia, execute(STORAGE, CLEAR, {}, tag, []))


def size(data: Path, tag: str) -> tuple[int, int]:
    """How many files a snapshot has, and their bytes."""
    sizes = [found.size for found in files(data, tag)]
    return len(sizes), sum(sizes)


def files(data: Path, tag: str) -> Iterator[Found]:
    """All files of a snapshot, in an order that is always the same. Raises OSError."""
    for keyspace in _folders(data):
        if keyspace.name in LEFT_OUT:
            continue
        for folder in _folders(keyspace):
            table, _, table_id = folder.name.rpartition("-")
            snapshot = Path(folder.path, "snapshots", tag)
            if is_table_folder(keyspace.name, table, table_id) and snapshot.is_dir():
                yield from _components(keyspace.name, table, table_id, str(snapshot), "")


def _components(keyspace: str, table: str, table_id: str, folder: str, below: str) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=_name)
    for entry in found:
        name = below + entry.name
        if entry.is_dir(follow_symlinks=False):
            # A secondary index; there are no folders below it.
            if not below:
                yield from _components(keyspace, table, table_id, entry.path, f"{entry.name}/")
            continue
        if not is_component(name):
            raise OSError(f"{entry.path} is not the name of a file that Cassandra writes")
        stat = entry.stat(follow_symlinks=False)
        # Not the time of the change: that is also of the last link made or removed.
        identity = f"{stat.st_ino}.{stat.st_size}.{stat.st_mtime_ns}"
        yield Found(keyspace, table, table_id, name, entry.path, stat.st_size, identity)


def _folders(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if entry.is_dir(follow_symlinks=False)), key=_name)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _ask(jolokia: Jolokia, request: Request) -> Any:
    answer = jolokia.ask([request], SECONDS)[0]
    if "value" not in answer and answer.get("status") != 200:
        what = request.get("operation") or request.get("attribute")
        raise NotAnswering(f"Cassandra refuses {what}: {answer.get('error', 'no reason given')}")
    return answer.get("value")
