"""Repair by segments of the node's primary ranges, through Cassandra's ``repairAsync``.

Each segment lies inside one local range, which Cassandra requires. Neighbours with the same replicas are
handed to one repair, as many as are done soon; a segment counts as done when the repair that holds it is.
All tables of a keyspace are repaired together. An incremental repair marks SSTables as repaired, whose
splitting up costs the same for a segment as for the whole: its segment is all of the node's primary ranges
of a keyspace.
"""

from __future__ import annotations

import functools
import itertools
import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from executor.answers import Started
from executor.failure import NotAnswering
from executor.maintenance import disk
from executor.maintenance.pace import Pace
from executor.maintenance.questions import VALIDATION, Questions
from executor.maintenance.ring import Segment, alike, cut, local_ranges, primary_ranges, share
from executor.maintenance.validated import Validated
from executor.maintenance.work import Batch, PieceFailed
from protocol.maintenance import MaintenanceTask

log = logging.getLogger(__name__)

MOST_PENDING_COMPACTIONS = 20
"""More than so many, and reads suffer already: a repair would add to them what it streams."""

LEAST_POLL_SECONDS, MOST_POLL_SECONDS, POLL_SHARE = 0.05, 1.0, 0.05
"""A repair is asked after at such intervals: a share of the time that it has taken so far."""

COMPLETED, FAILED = "COMPLETED", "FAILED"

SILENCE_SECONDS = 60.0
"""A repair of which nothing was heard for so long has failed."""


@dataclass(frozen=True)
class Piece:
    """What is done or not done: one segment, or several that cannot be done apart.

    ``streamed`` is how many times what this node holds of the keyspace
    the other replicas may stream to it. Those of one ``group`` have the same replicas.
    """

    keyspace: str
    group: int
    segments: tuple[Segment, ...]
    streamed: float

    @property
    def ranges(self) -> str:
        """As Cassandra takes them."""
        return ",".join(map(str, self.segments))

    @property
    def key(self) -> str:
        """See ``Work``."""
        return f"{self.keyspace} {self.ranges}"

    @property
    def size(self) -> float:
        """The share of the ring that it is."""
        return share(self.segments)

    def goes_with(self, other: Piece) -> bool:
        """Whether both can be done by one repair."""
        return (self.keyspace, self.group) == (other.keyspace, other.group)


class RepairWork:
    """Repairs keyspace by keyspace, batch of segments by batch."""

    def __init__(self, task: MaintenanceTask, started: Started) -> None:
        self._task = task
        self._started = started
        self._questions, self._watching = Questions(started.jolokia()), Questions(started.jolokia())
        self._aborted = threading.Event()
        self._pieces: dict[str, Piece] = {}
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        self._reading: tuple[str, Validated] | None = None
        self._spent = 0.0

    def pieces(self) -> Sequence[str]:
        """See ``Work``."""
        found = [piece for keyspace in self._task.tables for piece in self._of_keyspace(keyspace)]
        self._pieces = {piece.key: piece for piece in found}
        return list(self._pieces)

    def _of_keyspace(self, keyspace: str) -> Iterator[Piece]:
        ring, address = self._questions.ring(keyspace), self._started.address
        primary = primary_ranges(ring, address)
        held = share(local_ranges(ring, address))
        others = max((len(replicas) for replicas in ring.values()), default=1) - 1
        if others:
            for group, parts in enumerate(self._cut(alike(ring, primary))):
                for segments in parts:
                    yield Piece(keyspace, group, tuple(segments), share(segments) / held * others)

    def _cut(self, groups: Sequence[Sequence[Segment]]) -> Iterator[list[tuple[Segment, ...]]]:
        """The pieces of each group of ranges: its segments, or all ranges where they cannot be done apart."""
        everything = tuple(part for ranges in groups for part in ranges)
        if self._task.repair.incremental:
            yield [everything] if everything else []
            return
        for ranges in groups:
            wanted = self._task.repair.segments_per_node * share(ranges) / share(everything)
            yield [(segment,) for segment in cut(ranges, math.ceil(wanted))]

    def batch(self, left: Sequence[str], free_bytes: int) -> Batch:
        """See ``Work``: as many as the pace allows and as there is room for, but at least one."""
        first = self._pieces[left[0]]
        held = self._held(first.keyspace)
        taken: list[Piece] = []
        size = streamed = 0.0
        for piece in itertools.takewhile(first.goes_with, (self._pieces[key] for key in left)):
            size, streamed = size + piece.size, streamed + piece.streamed
            fits = size <= self._paces[piece.keyspace].size and self._needed(held, streamed) <= free_bytes
            if taken and not fits:
                break
            taken.append(piece)
        return self._batch(taken, held)

    def _batch(self, pieces: Sequence[Piece], held: Mapping[str, int]) -> Batch:
        return Batch(
            keys=[piece.key for piece in pieces],
            text=f"repair of {pieces[0].keyspace}, {_text(pieces)}",
            run=functools.partial(self._run, pieces, held),
            needed_bytes=self._needed(held, sum(piece.streamed for piece in pieces)),
        )

    def _held(self, keyspace: str) -> dict[str, int]:
        """How many bytes each table has here."""
        data = self._started.layout.cassandra / "data"
        return {table: sum(disk.sstables(data, keyspace, table)) for table in self._task.tables[keyspace]}

    def _needed(self, held: Mapping[str, int], streamed: float) -> int:
        """Each other replica may stream all that it has there, which is about what this node has.

        An incremental repair also rewrites SSTables into what is repaired and what is not.
        """
        return int(sum(held.values()) * (streamed + self._task.repair.incremental))

    def _run(self, pieces: Sequence[Piece], held: Mapping[str, int]) -> None:
        keyspace = pieces[0].keyspace
        begun = time.monotonic()
        self._reading = keyspace, Validated(held)
        number = self._questions.repair(keyspace, self._options(keyspace, pieces))
        if number:
            self._await(number, begun)
        self._reading = None
        self._spent = time.monotonic() - begun
        size = sum(piece.size for piece in pieces)
        self._paces[keyspace].took(size, self._spent / self._task.repair.intensity)

    def _options(self, keyspace: str, pieces: Sequence[Piece]) -> dict[str, str]:
        options = self._task.repair
        return {
            "ranges": ",".join(piece.ranges for piece in pieces),
            "columnFamilies": ",".join(self._task.tables[keyspace]),
            "incremental": str(options.incremental).lower(),
            "parallelism": options.parallelism,
        }

    def _await(self, number: int, begun: float) -> None:
        """Wait for a repair's end, for which only Cassandra's own word counts. Raises PieceFailed."""
        heard = time.monotonic()
        while (state := self._state(number)) != COMPLETED:
            now = time.monotonic()
            if state is not None:
                heard = now
            elif self._aborted.is_set() or now - heard > SILENCE_SECONDS:
                raise PieceFailed(f"Cassandra tells nothing of its repair {number} any more")
            time.sleep(min(max(LEAST_POLL_SECONDS, POLL_SHARE * (now - begun)), MOST_POLL_SECONDS))

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
        """See ``Work``: of what this node reads for it, which is most of the work where little differs."""
        reading = self._reading
        if reading is None:
            return 0.0
        keyspace, validated = reading
        done = validated.see(self._watching.compacted(VALIDATION, keyspace))
        return done if self._reading is reading else 0.0  # else it is of the batch before

    def abort(self) -> None:
        """See ``Work``. The sessions' end alone would leave Cassandra reading."""
        self._aborted.set()
        with closing(Questions(self._started.jolokia())) as questions:
            questions.end_repairs()
            questions.end_validations(self._task.tables)

    def close(self) -> None:
        """See ``Work``."""
        self._questions.close()
        self._watching.close()


def _text(pieces: Sequence[Piece]) -> str:
    segments = [segment for piece in pieces for segment in piece.segments]
    if len(segments) == 1:
        return f"segment {segments[0]}"
    what = f"{len(pieces)} segments" if len(pieces) > 1 else "its primary ranges"
    return f"{what} from {segments[0].start} on"
