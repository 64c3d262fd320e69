"""An operation: maintenance, backup or restore, as operators order, watch and stop it.

Its parts are each a node's share of a phase. Phases follow one another; within one the nodes work one after
the other, or all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.backup import DOWNLOAD, NEW, RESTORE_PHASE, SNAPSHOT, UPLOAD, VERIFY_PHASE, Place
from protocol.codec import Json
from protocol.maintenance import Progress, RepairOptions
from scheduler.model.task import ALIVE

RUNNING, COMPLETE, FAILED, STOPPED = "running", "complete", "failed", "stopped"

PARALLEL = frozenset({SNAPSHOT, UPLOAD, DOWNLOAD, RESTORE_PHASE, VERIFY_PHASE})
"""Phases in which all nodes work at once."""


@dataclass(frozen=True)
class WorkTask:
    """A maintenance task, present or last, in the slot that is reserved beside a node's server task.

    ``state`` is Mesos', since ``since`` in seconds since the epoch. ``kill_grace`` is the time that it was
    given to end, in seconds, once its end was ordered.
    """

    id: str
    agent_id: str
    state: str
    since: float
    kill_grace: float | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs or may run."""
        return self.state in ALIVE


@dataclass(frozen=True)
class Part:
    """One node's part of an operation.

    ``round`` counts how often it was ordered from the beginning; within a round a new task goes on where
    the last one came to. ``launches`` counts tasks. ``failures`` counts those in a row that failed without
    having come further than the one before, which had come to ``stuck_at``. It may begin again at
    ``not_before``. ``forced``: done by an operator's word. ``phase`` is empty where there is only one.
    ``outcome`` is what it has found that later phases need.
    """

    node: int
    phase: str = ""
    round: int = 0
    launches: int = 0
    task: WorkTask | None = None
    progress: Progress | None = None
    message: str = ""
    failures: int = 0
    stuck_at: int = 0
    not_before: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    done: bool = False
    forced: bool = False
    outcome: Json = None

    @property
    def name(self) -> str:
        """The node's name."""
        return f"node-{self.node}"

    @property
    def alive(self) -> bool:
        """Whether a task of it runs or may run."""
        return self.task is not None and self.task.alive


@dataclass(frozen=True)
class Transfer:
    """What a backup, a restore, a check or a deletion is of.

    ``name`` is the backup's. ``keyspaces`` and ``tables`` (``keyspace.table``) are None for all.
    ``bytes_per_second`` is for all nodes together. ``own_credentials``: the executors find some themselves.
    ``sealed`` are the credentials, encrypted; empty where they may not be stored. ``names`` and ``force``
    are a deletion's; ``keep_last`` and ``keep_days`` those of one that chooses by count and age.
    ``committed``: past the point from which a restore only goes forward. ``tidied`` are the nodes on which
    nothing is left of it but its result.
    """

    name: str
    place: Place
    restore_type: str = ""
    keyspaces: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    bytes_per_second: float | None = None
    own_credentials: bool = False
    sealed: str = field(default="", repr=False)
    names: tuple[str, ...] = ()
    force: bool = False
    keep_last: int | None = None
    keep_days: float | None = None
    committed: bool = False
    tidied: tuple[int, ...] = ()


@dataclass(frozen=True)
class Operation:
    """The record of one operation, as stored.

    ``number`` counts the operations of a cluster's life. ``tables`` are by keyspace. ``stopping``: an
    operator has ordered its end. ``failed``: why it ended without being done. ``transfer`` is what a backup
    and its like are of.
    """

    id: str
    number: int
    kind: str
    tables: Mapping[str, tuple[str, ...]]
    parts: tuple[Part, ...]
    started_at: float
    ended_at: float | None = None
    repair: RepairOptions = field(default_factory=RepairOptions)
    stopping: bool = False
    failed: str = ""
    transfer: Transfer | None = None

    @property
    def status(self) -> str:
        """running, complete, failed or stopped."""
        if self.ended_at is None:
            return RUNNING
        if self.failed:
            return FAILED
        return COMPLETE if self.present is None else STOPPED

    @property
    def present(self) -> Part | None:
        """The part that is worked on: the first that is not done."""
        return next((part for part in self.parts if not part.done), None)

    @property
    def open(self) -> tuple[Part, ...]:
        """The parts that may be worked on now, those in work among them."""
        undone = [part for part in self.parts if not part.done]
        same = tuple(part for part in undone if part.phase == undone[0].phase)
        return same if same and same[0].phase in PARALLEL else same[:1]

    @property
    def closing(self) -> bool:
        """Whether nothing more of it is begun: all is done, it has failed, or it was told to stop."""
        return bool(self.failed) or self.stopping or self.present is None

    @property
    def is_new(self) -> bool:
        """Whether it makes an empty cluster that of a backup."""
        return self.transfer is not None and self.transfer.restore_type == NEW

    def of_phase(self, phase: str) -> tuple[Part, ...]:
        """The parts of a phase."""
        return tuple(part for part in self.parts if part.phase == phase)

    @property
    def fraction(self) -> float:
        """How much is done, from 0 to 1, each node counting the same."""
        return sum(share_of(part) for part in self.parts) / len(self.parts) if self.parts else 1.0

    @property
    def eta_seconds(self) -> float | None:
        """How long the rest may take, as far as anything is known of it."""
        present = self.present
        if self.ended_at is not None or present is None:
            return None
        own = present.progress.eta_seconds if present.progress else None
        if self.transfer is not None:
            etas = [p.progress.eta_seconds for p in self.open if p.progress and p.progress.eta_seconds]
            return max(etas, default=None)
        took = [part.ended_at - part.started_at for part in self.parts if part.ended_at and part.started_at]
        to_come = sum(not part.done for part in self.parts) - 1
        whole = max(took, default=None) or _whole(present)
        if own is None and whole is None:
            return None
        return (own if own is not None else whole or 0.0) + to_come * (whole or 0.0)


def share_of(part: Part) -> float:
    """How much of a part is done, from 0 to 1."""
    if part.done:
        return 1.0
    return part.progress.fraction if part.progress else 0.0


def _whole(part: Part) -> float | None:
    """How long a part may take in all, from how far it is."""
    progress = part.progress
    if progress is None or progress.eta_seconds is None or progress.fraction >= 1:
        return None
    return progress.eta_seconds / (1 - progress.fraction)
