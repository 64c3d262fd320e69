"""A node: one member of the Cassandra cluster, wherever its task runs at the moment."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum

from protocol.report import NodeStatus
from scheduler.model.resource import Resource
from scheduler.model.task import ALIVE, RUNNING, UNREACHABLE


@dataclass(frozen=True)
class Placement:
    """Where a node lives: stored before it is reserved, kept until an operator orders otherwise.

    ``generation`` is the reservation's label and tells this node's storage apart under whatever agent
    id it is offered. ``resources`` is all that is reserved, the volume as such; sizes in MB. Attributes,
    region and zone are the agent's, for the placement of the other nodes.
    """

    generation: str
    agent_id: str
    hostname: str
    address: str
    persistence_id: str
    resources: tuple[Resource, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    region: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Executor:
    """All of an ExecutorInfo: what Mesos compares when a task is to join a running executor.

    Rendering adds nothing to it, so a stored executor gives the same ExecutorInfo at any time.
    """

    id: str
    name: str
    command: str
    uri: str
    environment: tuple[tuple[str, str], ...]
    resources: tuple[Resource, ...]
    shutdown_grace_seconds: float


@dataclass(frozen=True)
class Task:
    """The node's server task, present or last. ``started``: its executor has been heard of.

    ``state`` is Mesos', TASK_STAGING from the moment the launch is stored. ``since`` is when the state
    began, in seconds since the epoch. ``killing_since`` is set once we have asked for its end.
    ``silent_since`` is when we were told that Cassandra, NORMAL until then, answers no more; None while it
    does, and before it has been NORMAL in this task.
    """

    id: str
    agent_id: str
    executor: Executor
    config_id: str
    launched_at: float
    state: str
    since: float
    started: bool = False
    reason: str | None = None
    message: str = ""
    killing_since: float | None = None
    silent_since: float | None = None


@dataclass(frozen=True)
class LastFailure:
    """Why the node's task last ended unasked."""

    at: float
    state: str
    reason: str
    message: str
    log_tail: str = ""


class Stage(str, Enum):
    """How far a node has come that is taken away for good, by an operator's order that was stored.

    LEAVING: told to hand its data over; until it has, it is a member and restarted like any other.
    LEFT: a member no more, so it is never started again. KILLED: its task has ended. DESTROYED: its
    volume is gone. UNRESERVED: nothing of it is left but its record, so that no id is used twice.
    """

    LEAVING = "leaving"
    LEFT = "left"
    KILLED = "killed"
    DESTROYED = "destroyed"
    UNRESERVED = "unreserved"


@dataclass(frozen=True)
class Departure:
    """The stage of a node that is taken away, since when (seconds since the epoch), and what held it up."""

    stage: Stage
    since: float
    ordered_at: float
    message: str = ""


@dataclass(frozen=True)
class Replacement:
    """An operator's order to give a place up for a new one, from its storing until the node is whole again.

    ``generation``, ``agent_id`` and ``hostname`` are of the place given up. ``address`` is the one under
    which the ring knows the node, whose part the new one takes; None where it never was a member.
    """

    generation: str
    agent_id: str
    hostname: str
    address: str | None
    ordered_at: float


@dataclass(frozen=True)
class Restoration:
    """A restore whose data take the place of the node's own, past the point of no return.

    ``operation`` is its id. ``begun``: all nodes had ended, so that the new ring may be founded.
    """

    operation: str
    begun: bool = False


@dataclass(frozen=True)
class Node:
    """The record of one node, as stored.

    ``launches`` counts tasks and ``generations`` reservations, so that neither id is ever used twice.
    ``bootstrapped``: has been NORMAL once on its present volume, which so holds data. ``deployed``: the
    configuration id with which it has been NORMAL, taken CQL and been seen by all live peers. ``begun``:
    the one with which the deploy plan has begun on it. ``restart_ordered`` until the restart's launch.
    ``failures`` counts ends unasked in a row, ``not_before`` is when it may be started again.
    ``abandoned`` are generations given up, before anything ever ran on them or by an operator's order:
    what is left of them may be destroyed, wherever it shows up. ``ring_address`` is the one with which it
    was last NORMAL. ``rack`` is decided with its first place; a member's never changes again. ``tokens`` are
    those that it was restored with; a restore that is under way on it is ``restoration``.
    """

    number: int
    generations: int = 0
    launches: int = 0
    placement: Placement | None = None
    task: Task | None = None
    status: NodeStatus | None = None
    bootstrapped: bool = False
    deployed: str | None = None
    deployed_at: float | None = None
    begun: str | None = None
    begun_at: float | None = None
    restart_ordered: bool = False
    failures: int = 0
    not_before: float = 0.0
    restarts: int = 0
    last_failure: LastFailure | None = None
    abandoned: tuple[str, ...] = ()
    replacement: Replacement | None = None
    ring_address: str | None = None
    rack: str = ""
    departure: Departure | None = None
    tokens: tuple[str, ...] = ()
    restoration: Restoration | None = None

    @functools.cached_property
    def name(self) -> str:
        """As operators call it: node-0."""
        return f"node-{self.number}"

    @functools.cached_property
    def alive(self) -> bool:
        """Whether its task runs or may run."""
        return self.task is not None and self.task.state in ALIVE

    @functools.cached_property
    def normal(self) -> bool:
        """Whether it is a working member now, as far as it has told."""
        return self.running and self.status is not None and self.status.mode == "NORMAL"

    @functools.cached_property
    def running(self) -> bool:
        """Whether Mesos says that its task runs."""
        return self.task is not None and self.task.state == RUNNING

    @functools.cached_property
    def unreachable(self) -> bool:
        """Whether Mesos cannot reach its task, which may run on."""
        return self.task is not None and self.task.state == UNREACHABLE

    @functools.cached_property
    def was_member(self) -> bool:
        """Whether it ever was a member of the ring, on this volume or on one given up since."""
        return self.bootstrapped or (self.replacement is not None and self.replacement.address is not None)

    @functools.cached_property
    def giving_up(self) -> bool:
        """Whether its place is to be given up for a new one, and its task has yet to end there."""
        place, order = self.placement, self.replacement
        return place is not None and order is not None and place.generation == order.generation

    @functools.cached_property
    def has_joined(self) -> bool:
        """Whether it has ever been a member of the ring, on this volume or an earlier one."""
        return self.was_member or self.deployed is not None

    @functools.cached_property
    def partakes(self) -> bool:
        """Whether the ring has its rows from it: it has joined, or is yet to, with those restored."""
        return self.has_joined or self.restoration is not None

    @functools.cached_property
    def holds_data(self) -> bool:
        """Whether its volume holds what is to be kept: a member's data, or those it is restored with."""
        return self.bootstrapped or self.restoration is not None

    @functools.cached_property
    def departing(self) -> bool:
        """Whether it is on its way out of the ring, or out of it and yet to be ended."""
        return self.departure is not None and self.departure.stage in (Stage.LEAVING, Stage.LEFT)

    @functools.cached_property
    def left(self) -> bool:
        """Whether it is a member no more and never will be again, however much of it is still there."""
        return self.departure is not None and self.departure.stage is not Stage.LEAVING

    @functools.cached_property
    def gone(self) -> bool:
        """Whether nothing of it is left but its record."""
        return self.departure is not None and self.departure.stage is Stage.UNRESERVED
