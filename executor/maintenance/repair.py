"""Repair by segments of the node's primary ranges, through Cassandra's ``repairAsync``.

Each segment lies inside one local range, which Cassandra requires. All tables of a keyspace are repaired
together. An incremental repair marks SSTables as repaired, whose splitting up costs the same for a
segment as for the whole: its segment is all of the node's primary ranges of a keyspace.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing

from executor.answers import Started
from executor.failure import NotAnswering
from executor.maintenance import disk
from executor.maintenance.questions import Questions
from executor.maintenance.ring import Segment, cut, local_ranges, primary_ranges, share
from executor.maintenance.work import Piece, PieceFailed
from protocol.maintenance import MaintenanceTask

log = logging.getLogger(__name__)

MOST_PENDING_COMPACTIONS = 20
"""More than so many, and reads suffer already: a repair would add to them what it streams."""

FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 0.05, 1.0
COMPLETED, FAILED = "COMPLETED", "FAILED"

SILENCE_SECONDS = 60.0
"""A repair of which nothing was heard for so long has failed."""


class RepairWork:
    """Repairs keyspace by keyspace, segment by segment."""

    def __init__(self, task: MaintenanceTask, started: Started) -> None:
        self._task = task
        self._started = started
        self._questions = Questions(started.jolokia())
        self._aborted = threading.Event()
        self._spent = 0.0

    def pieces(self) -> Sequence[Piece]:
        """See ``Work``."""
        return [piece for keyspace in self._task.tables for piece in self._of_keyspace(keyspace)]

    def _of_keyspace(self, keyspace: str) -> list[Piece]:
        ring, address = self._questions.ring(keyspace), self._started.address
        primary = primary_ranges(ring, address)
        if self._task.repair.incremental:
            parts = [primary] if primary else []
        else:
            parts = [[segment] for segment in cut(primary, self._task.repair.segments_per_node)]
        held = share(local_ranges(ring, address))
        others = max((len(replicas) for replicas in ring.values()), default=1) - 1
        return [self._piece(keyspace, part, share(part) / held * others) for part in parts] if others else []

    def _piece(self, keyspace: str, segments: list[Segment], streamed: float) -> Piece:
        ranges = ",".join(map(str, segments))
        text = f"segment {ranges}" if len(segments) == 1 else "its primary ranges"
        return Piece(
            key=f"{keyspace} {ranges}",
            text=f"repair of {keyspace}, {text}",
            run=functools.partial(self._run, keyspace, ranges),
            needed_bytes=functools.partial(self._needed, keyspace, streamed),
        )

    def _needed(self, keyspace: str, streamed: float) -> int:
        """Each other replica may stream all that it has there, which is about what this node has.

        An incremental repair also rewrites SSTables into what is repaired and what is not.
        """
        data = self._started.layout.cassandra / "data"
        tables = self._task.tables[keyspace]
        held = sum(size for table in tables for size in disk.sstables(data, keyspace, table))
        return int(held * (streamed + self._task.repair.incremental))

    def _run(self, keyspace: str, ranges: str) -> None:
        begun = time.monotonic()
        number = self._questions.repair(keyspace, self._options(keyspace, ranges))
        if number:
            self._await(number)
        self._spent = time.monotonic() - begun

    def _options(self, keyspace: str, ranges: str) -> dict[str, str]:
        options = self._task.repair
        return {
            "ranges": ranges,
            "columnFamilies": ",".join(self._task.tables[keyspace]),
            "incremental": str(options.incremental).lower(),
            "parallelism": options.parallelism,
        }

    def _await(self, number: int) -> None:
        """Wait for a repair's end, for which only Cassandra's own word counts. Raises PieceFailed."""
        interval, heard = FIRST_POLL_SECONDS, time.monotonic()
        while (state := self._state(number)) != COMPLETED:
            if state is not None:
                heard = time.monotonic()
            elif self._aborted.is_set() or time.monotonic() - heard > SILENCE_SECONDS:
                raise PieceFailed(f"Cassandra tells nothing of its repair {number} any more")
            time.sleep(interval)
            interval = min(interval * 1.5, LAST_POLL_SECONDS)

    def _state(self, number: int) -> str | None:
        """The state of a repair; None where Cassandra tells nothing, as of one that it has just taken."""
        try:
            status = self._questions.repair_status(number)
        except NotAnswering as error:
            log.info("Cassandra does not tell how its repair does: %s", error)
            return None
        if status is not None and status[0] == FAILED:
            raise PieceFailed(f"Cassandra's repair {number} has failed: {'; '.join(status[1])}")
        return status[0] if status else None

    def hindrance(self) -> str | None:
        """See ``Work``."""
        unreachable, pending = self._questions.hindrances()
        if unreachable:
            return f"{', '.join(unreachable)} to be up again: a repair needs all replicas"
        if pending > MOST_PENDING_COMPACTIONS:
            return f"pending compactions to go down from {pending} to {MOST_PENDING_COMPACTIONS}"
        return None

    def rest_seconds(self) -> float:
        """See ``Work``: so long that the intensity is what was asked for."""
        return self._spent * (1 / self._task.repair.intensity - 1)

    def share(self) -> float:
        """See ``Work``: Cassandra does not tell of a segment how far it is."""
        return 0.0

    def abort(self) -> None:
        """See ``Work``."""
        self._aborted.set()
        with closing(Questions(self._started.jolokia())) as questions:
            questions.end_repairs()

    def close(self) -> None:
        """See ``Work``."""
        self._questions.close()
