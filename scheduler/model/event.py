"""Everything that can happen, as the one queue of the daemon holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.backup import Keys
from protocol.maintenance import RepairOptions
from scheduler.model.offer import Offer
from scheduler.model.operation import Transfer
from scheduler.model.task import TaskUpdate


@dataclass(frozen=True)
class Subscribed:
    """Mesos has taken our subscription. ``master`` is host:port."""

    framework_id: str
    master: str


@dataclass(frozen=True)
class Disconnected:
    """The event stream has ended; the driver tries again by itself."""

    reason: str


@dataclass(frozen=True)
class OffersReceived:
    """A batch of offers, each of which is to be used or given back."""

    offers: tuple[Offer, ...]


@dataclass(frozen=True)
class OfferRescinded:
    """An offer that may no longer be used."""

    offer_id: str


@dataclass(frozen=True)
class Updated:
    """A status update; acknowledged once its effect is stored."""

    update: TaskUpdate


@dataclass(frozen=True)
class MessageReceived:
    """A message from an executor, decoded from base64."""

    executor_id: str
    agent_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class AgentLost:
    """The master has given an agent up or lost sight of it."""

    agent_id: str


@dataclass(frozen=True)
class ExecutorLost:
    """An executor has ended; ``status`` is the raw wait status, -1 when unknown, None when not told."""

    executor_id: str
    agent_id: str
    status: int | None


@dataclass(frozen=True)
class FrameworkRefused:
    """The master wants nothing of us any more (an ERROR event, 401, 403): never subscribe again."""

    message: str


MesosEvent = (
    Subscribed
    | Disconnected
    | OffersReceived
    | OfferRescinded
    | Updated
    | MessageReceived
    | AgentLost
    | ExecutorLost
    | FrameworkRefused
)


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class TornDown:
    """Mesos has removed the framework, as it was told to."""


@dataclass(frozen=True)
class Interrupt:
    """An operator's order: the running step of this plan finishes, then the plan waits."""

    plan: str


@dataclass(frozen=True)
class Proceed:
    """An operator's order: an interrupted plan goes on."""

    plan: str


@dataclass(frozen=True)
class ForceComplete:
    """An operator's order: take this step, or every step of this phase, as complete."""

    plan: str
    phase: str
    step: str | None


@dataclass(frozen=True)
class RestartStep:
    """An operator's order: do this step, or every step of this phase, again."""

    plan: str
    phase: str
    step: str | None


@dataclass(frozen=True)
class RestartNode:
    """An operator's order: drain and stop the node, start it again in the same place."""

    node: str


@dataclass(frozen=True)
class ReplaceNode:
    """An operator's order: give the node's place and data up, and put it elsewhere.

    ``force`` stops a node that is up.
    """

    node: str
    force: bool = False


@dataclass(frozen=True)
class StartOperation:
    """An operator's order: begin maintenance of this kind.

    ``nodes`` are numbers, None for all that have data. ``tables`` are by keyspace, all of them known to
    Cassandra.
    """

    kind: str
    nodes: tuple[int, ...] | None
    tables: Mapping[str, tuple[str, ...]]
    repair: RepairOptions = field(default_factory=RepairOptions)


@dataclass(frozen=True)
class StopOperation:
    """An operator's order: end the running operation of this kind, in the middle of what it is at."""

    kind: str


@dataclass(frozen=True)
class StartTransfer:
    """An operator's order: begin a backup, a restore, a check or a deletion.

    ``keys`` are None where the executors find credentials of their own; ``transfer`` holds them sealed where
    they may be stored. The same order again, while its operation runs, brings it its credentials.
    """

    kind: str
    transfer: Transfer
    keys: Keys | None = None


@dataclass(frozen=True)
class LimitTransfer:
    """An operator's order: a running operation may move so many bytes a second, all nodes together."""

    kind: str
    bytes_per_second: float | None


Command = (
    Interrupt
    | Proceed
    | ForceComplete
    | RestartStep
    | RestartNode
    | ReplaceNode
    | StartOperation
    | StopOperation
    | StartTransfer
    | LimitTransfer
)


@dataclass(frozen=True)
class Ordered:
    """A command with who gave it, and from where: the client's address, as far as it is known."""

    command: Command
    who: str
    origin: str


Event = MesosEvent | Tick | TornDown | Command | Ordered
