"""Putting restored data in the place of Cassandra's own, before it is started; and clearing up afterwards."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import closing
from pathlib import Path

from backup.location import BadLocation
from backup.s3.failure import S3Failed
from executor.backup import publish, snapshot
from executor.failure import NotAnswering, TaskFailed
from executor.jolokia import Jolokia, read
from executor.layout import DATA_FOLDERS, Layout
from executor.management import STORAGE
from executor.transfers.checking import SOON
from executor.transfers.errand import client
from protocol.backup import SNAPSHOT_PREFIX, Tidy, snapshot_tag

log = logging.getLogger(__name__)


def swap(layout: Layout, operation: str) -> None:
    """Start from the data that a restore has brought; what was there is put aside. Done once, however often.

    Each step is one rename, and after a crash the next attempt goes on behind the last one that is on disk.
    Raises TaskFailed where nothing was brought.
    """
    if _last(layout) == operation:
        return
    brought, before = layout.restored(operation), layout.replaced(operation)
    if not before.exists():
        if not brought.is_dir():
            raise TaskFailed(f"the data of the restore {operation} are not in this volume")
        layout.cassandra.rename(before)
        _sync(layout.restores / operation, layout.volume)
    data = layout.cassandra / "data"
    if brought.is_dir():
        data.parent.mkdir(exist_ok=True)
        if data.is_dir():
            data.rmdir()  # as made empty by an attempt before
        brought.rename(data)
        _sync(layout.cassandra, layout.restores / operation)
    for name in DATA_FOLDERS:
        (layout.cassandra / name).mkdir(exist_ok=True)
    _note(layout, operation)


def _last(layout: Layout) -> str:
    return layout.restored_by.read_text() if layout.restored_by.exists() else ""


def _note(layout: Layout, operation: str) -> None:
    new = layout.restored_by.with_suffix(".new")
    new.write_text(operation)
    _sync(new)
    new.replace(layout.restored_by)
    _sync(layout.volume)


def _sync(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def tidy(layout: Layout, jolokia: Jolokia, wanted: Tidy) -> None:
    """Leave nothing of operations but the one to keep: no snapshot, no brought files, nothing put aside.

    Raises NotAnswering, OSError.
    """
    keep = snapshot_tag(wanted.keep) if wanted.keep else ""
    with closing(jolokia):
        for tag in _tags(layout.cassandra / "data"):
            if tag != keep:
                snapshot.clear(jolokia, tag)
        (answer,) = jolokia.ask([read(STORAGE, "OperationMode")], 10.0)
        if answer.get("value") != "NORMAL":
            raise NotAnswering("Cassandra is not NORMAL, so what was put aside may be needed")
    if layout.restores.is_dir():
        for folder in layout.restores.iterdir():
            if folder.name != wanted.keep:
                shutil.rmtree(folder)
    _abandon(wanted)


def _tags(data: Path) -> set[str]:
    """The names of our snapshots that any table still has."""
    return {path.name for path in data.glob(f"*/*/snapshots/{SNAPSHOT_PREFIX}*")}


def _abandon(wanted: Tidy) -> None:
    """Take back what says that a backup goes on; where the place is away, that runs out by itself."""
    if not wanted.abandoned or wanted.place is None or (wanted.keys is None and not wanted.own_credentials):
        return
    try:
        with closing(client(wanted.place, wanted.keys, SOON)) as s3:
            publish.abandon(s3, wanted.abandoned, wanted.operation)
    except (S3Failed, BadLocation) as error:
        log.info("the marker of the backup %s stays until it runs out: %s", wanted.abandoned, error)
