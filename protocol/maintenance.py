"""The data of a maintenance task, which works on a running node, and how far it is. No secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

CLEANUP, REPAIR, UPGRADESSTABLES = "cleanup", "repair", "upgradesstables"

PARALLELISMS = ("sequential", "parallel", "dc_parallel")
"""How the replicas of a range are compared in a repair, by Cassandra's names."""


@dataclass(frozen=True)
class RepairOptions:
    """How to repair.

    ``segments_per_node`` is the least number of segments to cut a node's primary ranges into; 0 leaves
    each range whole. ``intensity`` is the share of the time to repair in, over 0 and at most 1.
    """

    incremental: bool = False
    parallelism: str = "parallel"
    segments_per_node: int = 0
    intensity: float = 1.0


@dataclass(frozen=True)
class MaintenanceTask:
    """One node's part of an operation.

    ``operation`` is the operation's id: tasks of the same operation go on where the last one came to.
    ``tables`` are by keyspace, in the order to work in. ``helper_memory_mb`` is what a helper program may
    take, ``disk_mb`` the size of the volume.
    """

    node: str
    operation: str
    kind: str
    tables: dict[str, tuple[str, ...]]
    helper_memory_mb: float
    disk_mb: float
    repair: RepairOptions = field(default_factory=RepairOptions)


@dataclass(frozen=True)
class EndValidations:
    """Of these tables, by keyspace, a node is to read no more to compare them for repairs."""

    tables: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Progress:
    """How far a maintenance task is: ``done`` of ``total`` pieces, tables or segments.

    ``fraction`` counts the present piece in, from 0 to 1. ``doing`` says what goes on since ``since``,
    in seconds since the epoch; ``waiting_for`` what holds it back. ``eta_seconds`` is None where nothing
    is known yet. Of what moves data also ``bytes_done`` of ``bytes_total``, the same in files, and the
    present rate.
    """

    done: int = 0
    total: int = 0
    fraction: float = 0.0
    doing: str = ""
    since: float = 0.0
    waiting_for: str | None = None
    eta_seconds: float | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    files_total: int = 0
    bytes_per_second: float = 0.0
