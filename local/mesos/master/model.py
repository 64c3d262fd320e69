"""What the master knows of: frameworks, agents, tasks, offers, operations.

IDs are plain strings here; ``{"value": ...}`` is put around them where they leave. ``info`` is always the
message of the v1 API as the other side sent it, with its resources in the form after refinement.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from local.mesos import shown
from local.mesos.enums import TERMINAL_STATES
from local.mesos.resources import Resources, joined
from local.mesos.stream import EventStream

Json = dict[str, Any]


@dataclass(eq=False)
class Task:
    """A task, from its launch until its terminal update is acknowledged.

    ``state`` is the latest that its agent knows of, ``forwarded_state`` that of the update which the
    scheduler got last: it may lag behind, as a task's updates are acknowledged one by one.
    """

    info: Json
    framework_id: str
    agent_id: str
    state: str = "TASK_STAGING"
    forwarded_state: str | None = None
    forwarded_uuid: str | None = None
    statuses: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The task's id, unique within its framework."""
        return str(self.info["task_id"]["value"])

    @property
    def executor_id(self) -> str | None:
        """The id of its custom executor; a task with a command has none."""
        executor = self.info.get("executor")
        return str(executor["executor_id"]["value"]) if executor else None

    @property
    def resources(self) -> Resources:
        """What it was launched with."""
        return Resources(self.info["resources"])

    @property
    def role(self) -> str:
        """The role that its resources are allocated to."""
        return str(self.info["resources"][0]["allocation_info"]["role"])

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended; its resources are free then."""
        return self.state in TERMINAL_STATES

    def record(self, status: Json) -> None:
        """Keep a status for whoever asks; the last one of each run of equal states, without its data."""
        if self.statuses and self.statuses[-1]["state"] == status["state"]:
            self.statuses.pop()
        self.statuses.append({key: value for key, value in status.items() if key != "data"})

    def latest(self, key: str) -> Any:
        """A field of the latest status; None when it has none."""
        return self.statuses[-1].get(key) if self.statuses else None


@dataclass(eq=False)
class Offer:
    """Resources of one agent that one role of one framework may use."""

    id: str
    framework: Framework
    agent: Agent
    role: str
    resources: Resources
    """Allocated to the role."""


@dataclass(eq=False)
class Operation:
    """An operation other than a launch that an agent is to carry out."""

    uuid: str
    info: Json
    framework_id: str | None
    agent_id: str
    status: Json

    @property
    def id(self) -> str | None:
        """The id that the framework gave it, to be told of the outcome."""
        return str(self.info["id"]["value"]) if "id" in self.info else None


@dataclass(eq=False)
class Connection:
    """The event stream of a subscribed scheduler."""

    stream: EventStream
    id: str


@dataclass(eq=False)
class Framework:
    """A framework: subscribed, disconnected, known from agents only (``recovered``), or completed."""

    info: Json
    connection: Connection | None = None
    recovered: bool = False
    registered_time: float = field(default_factory=time.time)
    reregistered_time: float | None = None
    """None as long as its scheduler has subscribed only once."""
    unregistered_time: float = 0.0
    subscriptions: int = 0
    offer_constraints: Json = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    unreachable_tasks: dict[str, Task] = field(default_factory=dict)
    completed_tasks: deque[Task] = field(default_factory=deque)
    offers: dict[str, Offer] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Calls, events, offers, operations and terminal tasks so far, by metric name."""

    @property
    def id(self) -> str:
        """The framework's id."""
        return str(self.info["id"]["value"])

    @property
    def connected(self) -> bool:
        """Whether its scheduler is subscribed."""
        return self.connection is not None

    @property
    def capabilities(self) -> list[str]:
        """The names of what it can deal with."""
        return [item["type"] for item in self.info.get("capabilities", []) if "type" in item]

    @property
    def roles(self) -> list[str]:
        """The roles that it gets offers for."""
        return roles(self.info)

    def can(self, capability: str) -> bool:
        """Whether it has declared a capability."""
        return capability in self.capabilities

    def send(self, kind: str, body: Json | None = None) -> None:
        """Send an event to the scheduler, if it is there."""
        if self.connection is not None:
            self.counts[f"events/{kind.lower()}"] += 1
            self.connection.stream.send(event(kind, body))


def event(kind: str, body: Json | None = None) -> Json:
    """An event of the scheduler API."""
    return {"type": kind} if body is None else {"type": kind, kind.lower(): body}


def roles(framework_info: Json) -> list[str]:
    """The roles of a FrameworkInfo, given either way."""
    if {"type": "MULTI_ROLE"} in framework_info.get("capabilities", []):
        return list(framework_info.get("roles", []))
    return [framework_info.get("role", "*")]


@dataclass(eq=False)
class Agent:
    """An agent that is registered. ``link`` is None while it is disconnected."""

    id: str
    info: Json
    ip: str
    port: int
    pid: str
    version: str
    total: Resources
    """All it has, with dynamic reservations and volumes, allocated to nobody."""
    link: EventStream | None = None
    registered_time: float = field(default_factory=time.time)
    reregistered_time: float | None = None
    missed_pings: int = 0
    offers: dict[str, Offer] = field(default_factory=dict)
    tasks: dict[str, dict[str, Task]] = field(default_factory=dict)
    """By framework and task id."""
    executors: dict[str, dict[str, Json]] = field(default_factory=dict)
    """ExecutorInfo by framework and executor id."""
    operations: dict[str, Operation] = field(default_factory=dict)
    """By uuid."""

    @property
    def hostname(self) -> str:
        """The name under which frameworks are told of it."""
        return str(self.info["hostname"])

    @property
    def connected(self) -> bool:
        """Whether commands reach it; only then its resources are offered."""
        return self.link is not None

    def __str__(self) -> str:
        return f"{self.id} at {self.pid} ({self.hostname})"

    def send(self, kind: str, **fields: Any) -> None:
        """Send a command, if the agent is connected."""
        if self.link is not None:
            self.link.send({"type": kind, **fields})

    def used_by(self, framework_id: str) -> Resources:
        """What tasks and executors of a framework hold, allocated to its roles."""
        used = Resources()
        for executor in self.executors.get(framework_id, {}).values():
            used += executor.get("resources", [])
        for task in self.tasks.get(framework_id, {}).values():
            if not task.is_terminal:
                used += task.resources
        return used

    @property
    def used(self) -> Resources:
        """What all tasks and executors hold."""
        return joined(
            self.used_by(framework_id) for framework_id in dict.fromkeys([*self.tasks, *self.executors])
        )

    @property
    def offered(self) -> Resources:
        """What is in outstanding offers."""
        return joined(offer.resources for offer in self.offers.values())

    @property
    def available(self) -> Resources:
        """What is neither used nor offered, allocated to nobody."""
        return self.total - self.used.unallocated() - self.offered.unallocated()

    @property
    def reserved(self) -> dict[str, Resources]:
        """What is reserved, by role."""
        return shown.reserved(self.total)
