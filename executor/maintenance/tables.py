"""Cleanup and the upgrade of SSTables: nodetool, a table at a time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from executor.answers import Started
from executor.maintenance import disk
from executor.maintenance.nodetool import Nodetool, NodetoolFailed
from executor.maintenance.questions import Questions
from executor.maintenance.work import Batch, PieceFailed
from protocol.maintenance import CLEANUP, UPGRADESSTABLES, MaintenanceTask


@dataclass(frozen=True)
class Command:
    """A nodetool command, and what Cassandra calls the compactions that it makes: to stop and to see them."""

    arguments: tuple[str, ...]
    stop: str
    seen: str
    text: str


COMMANDS = {
    CLEANUP: Command(("cleanup", "-j", "1"), "CLEANUP", "Cleanup", "cleanup of"),
    UPGRADESSTABLES: Command(
        ("upgradesstables", "-j", "1"), "UPGRADE_SSTABLES", "Upgrade sstables", "upgrade of the SSTables of"
    ),
}
"""One SSTable at a time each: no more room is needed then than the largest one takes."""


class TableWork:
    """Works on tables in the order of the task."""

    def __init__(self, task: MaintenanceTask, started: Started) -> None:
        self._task = task
        self._started = started
        self._command = COMMANDS[task.kind]
        self._nodetool = Nodetool(started, task.helper_memory_mb)
        self._watching = Questions(started.jolokia())
        self._present: tuple[str, str] | None = None

    def pieces(self) -> Sequence[str]:
        """See ``Work``: each table is one, ``keyspace.table``."""
        return [f"{keyspace}.{table}" for keyspace, tables in self._task.tables.items() for table in tables]

    def batch(self, left: Sequence[str], free_bytes: int) -> Batch:
        """See ``Work``: one table at a time."""
        keyspace, table = left[0].split(".")
        return Batch(
            keys=left[:1],
            text=f"{self._command.text} {left[0]}",
            run=functools.partial(self._run, keyspace, table),
            needed_bytes=self._largest(keyspace, table),
        )

    def _largest(self, keyspace: str, table: str) -> int:
        """A new SSTable is written whole before the old one goes."""
        return max(disk.sstables(self._started.layout.cassandra / "data", keyspace, table), default=0)

    def _run(self, keyspace: str, table: str) -> None:
        self._present = (keyspace, table)
        try:
            self._nodetool.run(*self._command.arguments, keyspace, table)
        except NodetoolFailed as error:
            raise PieceFailed(f"nodetool {self._command.arguments[0]} {keyspace} {table}: {error}") from None
        finally:
            self._present = None

    def hindrance(self) -> str | None:
        """See ``Work``: Cassandra refuses by itself what would not be safe."""
        return None

    def rest_seconds(self) -> float:
        """See ``Work``: Cassandra throttles compactions itself."""
        return 0.0

    def share(self) -> float:
        """See ``Work``."""
        present = self._present
        if present is None:
            return 0.0
        keyspace, table = present
        return self._watching.compacted(self._command.seen, keyspace).get(table, 0.0)

    def abort(self) -> None:
        """See ``Work``. Nodetool's end alone would leave Cassandra at it."""
        self._nodetool.abort()
        with closing(Questions(self._started.jolokia())) as questions:
            questions.stop_compactions(self._command.stop)

    def close(self) -> None:
        """See ``Work``."""
        self._watching.close()
