"""The world: all that a decision is made from. The ledger is stored, the session begins with every leader."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from protocol.backup import Keys, Login
from protocol.codec import Json, encode
from protocol.leaving import Leaving
from protocol.report import NodeStatus
from protocol.schema import Schema
from scheduler.model.eventlog import Page
from scheduler.model.node import Node
from scheduler.model.operation import Operation
from scheduler.model.settings import CassandraSettings, NodeSettings, Settings


@dataclass(frozen=True)
class Cluster:
    """What is decided once in a cluster's life.

    ``id`` is a random UUID, ``founder`` the name of the node that begins the ring; principal, role and
    label are in every reservation, so they stay as they first were, and so does the service's ``name``,
    which is empty in records of before it was kept.
    """

    id: str
    principal: str
    role: str
    label: str
    founder: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Target:
    """The configuration that the nodes shall have, in force until a valid other one replaces it.

    ``earlier`` are those that nodes still run with: such a node is started with its own again until the
    deploy plan comes to it, for nobody knows yet whether the new one works.
    """

    nodes: int
    seed_nodes: int
    node: NodeSettings
    earlier: tuple[NodeSettings, ...] = ()

    @functools.cached_property
    def config_id(self) -> str:
        """The target's id."""
        return config_id(self.node)

    @functools.cached_property
    def known(self) -> Mapping[str, NodeSettings]:
        """The target and the earlier ones, by their ids."""
        return {config_id(settings): settings for settings in (*self.earlier, self.node)}


def config_id(settings: NodeSettings) -> str:
    """Names what concerns each node: equal settings have equal ids, over restarts too.

    Settings with their default are left out, so a scheduler that knows more of them, none of which is
    set, changes no id.
    """
    text = json.dumps(_chosen(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _chosen(settings: NodeSettings | CassandraSettings) -> Json:
    usual = type(settings)()
    chosen = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {
        name: _chosen(value) if isinstance(value, CassandraSettings) else encode(value)
        for name, value in chosen.items()
        if value != getattr(usual, name)
    }


class Uninstall(str, Enum):
    """How far the uninstallation is, once it was ordered.

    RELEASING: tasks are ended, volumes destroyed, reservations given back. TEARING_DOWN: all that is done,
    and Mesos may have been told to remove the framework. TORN_DOWN: it has; records are left. DONE: nothing
    is left, which so is never stored.
    """

    RELEASING = "releasing"
    TEARING_DOWN = "tearing down"
    TORN_DOWN = "torn down"
    DONE = "done"


@dataclass(frozen=True)
class Controls:
    """What operators have ordered: names of interrupted plans, ids of steps taken as complete, the end."""

    interrupted: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    uninstall: Uninstall | None = None


@dataclass(frozen=True)
class Framework:
    """Who we are to Mesos; None until the first subscription."""

    id: str | None = None


@dataclass(frozen=True)
class Ledger:
    """The stored records. ``nodes`` are by number; every wanted node has a record from the start.

    ``operations`` are by id, the newest ones. The record of a node that is gone stays: its counters are
    needed should there be one of that name again. ``events`` are the pages of the event log, by number.
    """

    framework: Framework
    cluster: Cluster
    target: Target
    controls: Controls
    nodes: Mapping[int, Node]
    operations: Mapping[str, Operation] = field(default_factory=dict)
    events: Mapping[int, Page] = field(default_factory=dict)

    def with_node(self, node: Node) -> Ledger:
        """The ledger with this node's record replaced."""
        return dataclasses.replace(self, nodes={**self.nodes, node.number: node})

    def named(self, name: str) -> Node | None:
        """The node of that name, ``node-0`` or ``0``; None where there is none, or none any more."""
        node = self.recorded(name)
        return None if node is None or node.gone else node

    def recorded(self, name: str) -> Node | None:
        """The record of that name, also of a node that is gone."""
        number = name.removeprefix("node-")
        wellformed = number.isascii() and number.isdigit() and len(number) < 10
        return self.nodes.get(int(number)) if wellformed else None

    @functools.cached_property
    def consequences(self) -> dict[object, object]:
        """What was found to follow from this ledger alone; see ``decide.memory``."""
        return {}

    @functools.cached_property
    def _by_number(self) -> tuple[Node, ...]:
        return tuple(node for _, node in sorted(self.nodes.items()) if not node.gone)

    @functools.cached_property
    def _staying(self) -> tuple[Node, ...]:
        return tuple(node for node in self._by_number if self.wants(node))

    def members(self) -> tuple[Node, ...]:
        """All nodes of which there is something, by number."""
        return self._by_number

    def wants(self, node: Node) -> bool:
        """Whether the target wants the node, or a restore stands on it, and it is not being taken away."""
        wanted = node.number < self.target.nodes or node.restoration is not None
        return wanted and node.departure is None

    def staying(self) -> tuple[Node, ...]:
        """The nodes that the target wants and that are not being taken away, by number."""
        return self._staying


@dataclass(frozen=True)
class Reconciliation:
    """The tasks whose state Mesos was asked for: task id to agent id, until each is answered.

    ``next_at`` is when the outstanding ones are asked for again, or all tasks once all are answered;
    ``interval`` doubles until then. Times are in seconds since the epoch.
    """

    outstanding: Mapping[str, str]
    started_at: float
    next_at: float
    interval: float
    attempts: int = 1
    completed_at: float | None = None


class Shortfall(NamedTuple):
    """Why an agent's last offer was no use to the node that waits for one."""

    hostname: str
    reasons: tuple[str, ...]
    at: float


@dataclass(frozen=True)
class SeedsPush:
    """A node was told its seeds; repeated at ``next_at`` until answered."""

    message_id: str
    seeds: tuple[str, ...]
    next_at: float
    attempts: int = 1
    answered: bool = False


@dataclass(frozen=True)
class LeaveOrder:
    """A node was told to leave; told again at ``next_at``. ``answer`` is the last that it gave."""

    next_at: float
    attempts: int
    answer: Leaving | None = None


@dataclass(frozen=True)
class Telling:
    """An executor was told something that it answers; told again at ``next_at`` until then."""

    message_id: str
    said: object = field(repr=False)
    next_at: float
    attempts: int = 1
    answered: bool = False


@dataclass(frozen=True)
class Examination:
    """The nodes are asked whether some of them can be taken away; again at ``next_at``.

    ``statuses`` are by node number. ``errors`` are what was found: now where ``judged``, or the last time.
    """

    begun_at: float
    next_at: float
    attempts: int = 0
    statuses: Mapping[int, NodeStatus] = field(default_factory=dict)
    schema: Schema | None = None
    judged: bool = False
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Session:
    """What a leader learns while it leads; begins anew with each subscription.

    ``waiting`` are the nodes that want an offer, by number, with the time since when; ``shortfalls``, by
    agent id, say why the last offers were no use to the node that looks for a new place. ``seeds`` are by
    node number. ``reminded`` is when a silent task was last asked about or a kill last sent, by the task's
    id. ``slot_wanted`` names the nodes whose slots an operation waits for. ``told`` is what tasks were told
    (by task id), and nodes to tidy up (by task id of their server, after ``tidy/``). ``leaving`` are orders
    to leave the ring, by node number.
    ``looking_since``: all is given back, and since then no offer has shown anything more.
    """

    registered_at: float | None = None
    master: str = ""
    reconciliation: Reconciliation | None = None
    waiting: Mapping[int, float] = field(default_factory=dict)
    shortfalls: Mapping[str, Shortfall] = field(default_factory=dict)
    seeds: Mapping[int, SeedsPush] = field(default_factory=dict)
    reminded: Mapping[str, float] = field(default_factory=dict)
    slot_wanted: tuple[str, ...] = ()
    told: Mapping[str, Telling] = field(default_factory=dict)
    leaving: Mapping[int, LeaveOrder] = field(default_factory=dict)
    examination: Examination | None = None
    looking_since: float | None = None

    @property
    def registered(self) -> bool:
        """Whether Mesos has our subscription now."""
        return self.registered_at is not None


@dataclass(frozen=True)
class World:
    """All there is to decide on.

    ``bundle_uri`` is where agents fetch the executor. ``errors`` say why new settings are not in force.
    ``keys`` are the credentials of operations, by their id, as far as they are known; ``login`` is that of
    CQL. Neither is ever stored.
    """

    settings: Settings
    ledger: Ledger
    bundle_uri: str
    session: Session = field(default_factory=Session)
    errors: tuple[str, ...] = ()
    keys: Mapping[str, Keys] = field(default_factory=dict, repr=False)
    login: Login | None = field(default=None, repr=False)
