"""What the tests run: scripted tasks, alone or as a node with reservations and a persistent volume."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from scheduler.model.intent import Create, Launch, Operation, Reserve
from scheduler.model.node import Executor
from scheduler.model.offer import Offer
from scheduler.model.resource import (
    Disk,
    Range,
    Reservation,
    Resource,
    ranges_from,
    ranges_of,
    total,
)
from tests.conformance.framework import Scheduler

Step = list[object]
Fits = Callable[[Offer], bool]

SMALL = (Resource("cpus", 0.1), Resource("mem", 32.0))


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Workshop:
    """Makes executors: ``uri`` is where agents get the scripted one, ``python`` how they run it."""

    uri: str
    python: str

    def executor(
        self,
        resources: tuple[Resource, ...] = SMALL,
        grace_seconds: float = 5.0,
        environment: tuple[tuple[str, str], ...] = (),
        **options: object,
    ) -> Executor:
        """A scripted executor with options of its own."""
        return Executor(
            id=unique("executor"),
            name="scripted",
            command=f"exec {self.python} scripted.pyz",
            uri=self.uri,
            environment=(("OPTIONS", json.dumps(options)), ("LANG", "C.UTF-8"), *environment),
            resources=resources,
            shutdown_grace_seconds=grace_seconds,
        )


def launch(
    offer: Offer, executor: Executor, *steps: Step, resources: tuple[Resource, ...] = SMALL, task_id: str = ""
) -> Launch:
    """A task with a script, or one that runs until it is killed."""
    data = json.dumps(steps).encode() if steps else b""
    name = task_id or unique("task")
    return Launch(name, name, offer.agent_id, executor, resources, data, grace_seconds=3.0)


@dataclass(frozen=True)
class Started:
    """A task that was launched, and where."""

    task_id: str
    agent_id: str
    executor: Executor
    offer: Offer


def start(scheduler: Scheduler, executor: Executor, *steps: Step, fits: Fits | None = None) -> Started:
    """Launch a task on unreserved resources; does not wait for it."""
    offer = scheduler.offer(fits or enough())
    task = launch(offer, executor, *steps)
    scheduler.accept(offer, task)
    return Started(task.task_id, offer.agent_id, executor, offer)


def running(scheduler: Scheduler, executor: Executor, *steps: Step, fits: Fits | None = None) -> Started:
    """Launch a task, and wait until it runs."""
    started = start(scheduler, executor, *steps, fits=fits)
    scheduler.update(started.task_id, "TASK_RUNNING")
    return started


def enough(cpus: float = 1.0, mem: float = 256.0, disk: float = 0.0, agent_id: str = "") -> Fits:
    """Whether so much is offered unreserved (of that agent)."""

    def fits(offer: Offer) -> bool:
        free = unreserved(offer)
        amounts = (("cpus", cpus), ("mem", mem), ("disk", disk))
        return agent_id in ("", offer.agent_id) and all(total(free, name) >= least for name, least in amounts)

    return fits


def unreserved(offer: Offer) -> list[Resource]:
    return [r for r in offer.resources if not r.reservations and r.disk is None]


class Node:
    """The reservations of one node, told apart by their labels: 1 core, 256 MB, 128 MB disk, ports.

    Half of the disk is to be a volume, which the executor holds with a little of the rest.
    """

    def __init__(self, scheduler: Scheduler, workshop: Workshop, ports: tuple[Range, ...] = ()) -> None:
        self.role, self._principal = scheduler.role, scheduler.framework.principal
        self._workshop = workshop
        labels = (("cluster", "conformance"), ("node", unique("node")), ("generation", unique("generation")))
        self.level = Reservation(self.role, self._principal, labels)
        self.persistence_id = unique("volume")
        self.ports = ports
        self.volume = self.volume_of(64.0)
        self.all = (self.of("cpus", 1.0), self.of("mem", 256.0), self.of("disk", 128.0), *self._ports())

    def of(self, name: str, amount: float) -> Resource:
        """A reserved scalar."""
        return Resource(name, amount, reservations=(self.level,))

    def volume_of(self, size: float, path: str = "data", persistence_id: str = "") -> Resource:
        """A persistent volume on the reserved disk."""
        disk = Disk(persistence_id or self.persistence_id, self._principal, path)
        return self.of("disk", size)._replace(disk=disk)

    def _ports(self) -> tuple[Resource, ...]:
        level = (self.level,)
        return (Resource("ports", ranges=self.ports, reservations=level),) if self.ports else ()

    def executor(self, **options: object) -> Executor:
        """A new executor that holds the volume."""
        resources = (self.of("cpus", 0.1), self.of("mem", 32.0), self.volume)
        return self._workshop.executor(resources, **options)  # type: ignore[arg-type]  # options are its own

    def launch(self, offer: Offer, executor: Executor, *steps: Step) -> Launch:
        """A task of the node's."""
        resources = (self.of("cpus", 0.5), self.of("mem", 64.0), *self._ports())
        return launch(offer, executor, *steps, resources=resources)

    def first(self, task: Launch) -> tuple[Operation, ...]:
        """Everything that a first launch takes."""
        return (Reserve(self.all), Create((self.volume,)), task)

    def begin(self, scheduler: Scheduler, executor: Executor, *steps: Step) -> Started:
        """Reserve, create and launch in one ACCEPT; does not wait for the task."""
        offer = scheduler.offer(enough(disk=256.0))
        task = self.launch(offer, executor, *steps)
        scheduler.accept(offer, *self.first(task))
        return Started(task.task_id, offer.agent_id, executor, offer)

    def mine(self, offer: Offer) -> list[Resource]:
        """What of an offer is this node's."""
        return [resource for resource in offer.resources if self.level in resource.reservations]

    def amount(self, offer: Offer, name: str) -> float:
        """How much of something in an offer is this node's."""
        return total(self.mine(offer), name)

    def volumes(self, offer: Offer) -> list[Resource]:
        """The volumes on this node's disk."""
        return [resource for resource in self.mine(offer) if resource.persistence_id]

    def back(self, offer: Offer) -> bool:
        """Whether all of it is offered, unused."""
        amounts = [self.amount(offer, name) for name in ("cpus", "mem", "disk")]
        return amounts == [1.0, 256.0, 128.0] and self.volume in self.mine(offer)

    def reserved(self, offer: Offer) -> bool:
        """Whether anything of it is offered."""
        return bool(self.mine(offer))


def free_ports(offer: Offer, count: int) -> tuple[Range, ...]:
    """The first unreserved ports of an offer, leaving out every second so that they make several ranges."""
    ranges = ranges_of(unreserved(offer))
    ports = (port for begin, end in ranges for port in range(begin, end + 1, 2))
    return ranges_from(itertools.islice(ports, count))


def renamed(executor: Executor) -> Executor:
    """The same executor under another id: for the next run of a node."""
    return replace(executor, id=unique("executor"))
