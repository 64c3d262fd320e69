"""What the core wants done at Mesos: carried out by ``scheduler.mesos`` after the records are stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.model.node import Executor
from scheduler.model.resource import Resource


@dataclass(frozen=True)
class Reserve:
    """Reserve unreserved resources; each carries the reservation it shall have."""

    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class Unreserve:
    """Give reserved resources back."""

    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class Create:
    """Create persistent volumes on reserved disk."""

    volumes: tuple[Resource, ...]


@dataclass(frozen=True)
class Destroy:
    """Destroy persistent volumes and the data on them."""

    volumes: tuple[Resource, ...]


@dataclass(frozen=True)
class Discovery:
    """How service discovery names a task: ``name`` in DNS, and a port with its load-balanced address."""

    name: str
    port: int
    port_name: str
    vip: str


@dataclass(frozen=True)
class Launch:
    """Start a task, and its executor where that does not run yet. ``grace_seconds``: to stop after a kill."""

    task_id: str
    name: str
    agent_id: str
    executor: Executor
    resources: tuple[Resource, ...]
    data: bytes
    labels: tuple[tuple[str, str], ...] = ()
    grace_seconds: float = 0.0
    discovery: Discovery | None = None


Operation = Reserve | Unreserve | Create | Destroy | Launch


@dataclass(frozen=True)
class Accept:
    """Use offers of one agent, operations in this order; what they leave is not offered for a while."""

    offer_ids: tuple[str, ...]
    operations: tuple[Operation, ...]
    refuse_seconds: float


@dataclass(frozen=True)
class Decline:
    """Give offers back, not to be offered again for so long."""

    offer_ids: tuple[str, ...]
    refuse_seconds: float


@dataclass(frozen=True)
class Suppress:
    """Want no offers."""


@dataclass(frozen=True)
class Revive:
    """Want offers, those declined before too."""


@dataclass(frozen=True)
class Reconcile:
    """Ask for the state of tasks: (task id, agent id) pairs; none of them asks for all tasks."""

    tasks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kill:
    """End a task; its executor drains within the grace period."""

    task_id: str
    agent_id: str
    grace_seconds: float


@dataclass(frozen=True)
class ShutdownExecutor:
    """End an executor and all its tasks."""

    executor_id: str
    agent_id: str


@dataclass(frozen=True)
class Send:
    """Send a message to an executor; it may be lost. Its data may hold credentials."""

    executor_id: str
    agent_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Teardown:
    """Remove the framework with all its tasks, for good: its id can never be used again."""


Intent = Accept | Decline | Suppress | Revive | Reconcile | Kill | ShutdownExecutor | Send | Teardown
