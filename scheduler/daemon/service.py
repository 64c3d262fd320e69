"""What the API may ask of the daemon, and the errors it may get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from protocol.backup import Ask, Checked, Keys, Listed
from protocol.report import NodeStatus
from protocol.schema import Schema
from scheduler.daemon.counts import Counts
from scheduler.daemon.offer_log import Fate
from scheduler.model.event import Command, Ordered
from scheduler.model.settings import Settings
from scheduler.model.world import World


class Unavailable(Exception):
    """The service cannot do this now (HTTP 503); the message says why and what happens next."""


class NotFound(Exception):
    """What the command names does not exist (HTTP 404)."""


class Conflict(Exception):
    """The command does not fit the cluster's state (HTTP 409)."""


class NoAnswer(Exception):
    """The node did not answer in time."""


@dataclass(frozen=True)
class Health:
    """How the daemon does. ``zookeeper`` is connected, suspended, lost or connecting.

    ``serving``: calls are answered, by this instance or by the leader that it passes them on to, at
    ``leader_url``. ``mesos_silent_since`` and ``zookeeper_silent_since`` are when the last sign of life came
    while not registered and not connected, in seconds since the epoch. ``reasons`` say what keeps it from
    serving or the cluster from being whole.
    """

    serving: bool
    leader: bool
    leader_url: str | None
    registered: bool
    zookeeper: str
    reconciled: bool
    nodes_up: int
    nodes_expected: int
    mesos_silent_since: float | None = None
    zookeeper_silent_since: float | None = None
    reasons: tuple[str, ...] = ()

    @property
    def silent_since(self) -> float | None:
        """Since when what is known may be out of date; None while it is told as it happens."""
        since = [s for s in (self.mesos_silent_since, self.zookeeper_silent_since) if s is not None]
        return min(since, default=None)


class Service(Protocol):
    """The daemon as the API sees it."""

    settings: Settings
    counts: Counts

    def health(self) -> Health:
        """Never fails, also without ZooKeeper."""

    def elsewhere(self) -> str | None:
        """The address of the instance that leads, where it is another one and known. Never waits."""

    def world(self) -> World:
        """The last known world. Raises Unavailable while this instance does not lead."""

    def command(self, order: Ordered) -> None:
        """Carry an operator's order out; returns once it is stored, and in the event log.

        Raises NotFound or Conflict where it does not fit, Unavailable where it could not be stored.
        """

    def preview(self, command: Command) -> World:
        """The world as it would be after an order, which is not carried out. Raises as ``command``."""

    def await_events(self, number: int, seconds: float) -> None:
        """Return once the event log has an entry after that number, at the latest after so long."""

    def node_status(self, number: int) -> NodeStatus:
        """Ask the node itself, for a second. Raises NoAnswer."""

    def schema(self) -> Schema:
        """Ask the nodes that are up for their keyspaces, one after the other. Raises NoAnswer."""

    def offers(self) -> Sequence[Fate]:
        """What became of the last offers, the newest first."""

    def backlog(self) -> int:
        """How many events wait to be decided on."""

    def seal(self, keys: Keys | None) -> str:
        """Credentials as they may be stored; empty where they may not."""

    def place(self, ask: Ask) -> Checked:
        """Have a node look at a place for backups. Raises NoAnswer."""

    def backups(self, ask: Ask) -> Listed:
        """Have a node list the backups at a place. Raises NoAnswer."""

    def artifact(self, digest: str, name: str) -> Path | None:
        """The file that is served under this content hash and name."""
