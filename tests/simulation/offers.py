"""The master's offers: what is free on which agent, filters, and what an ACCEPT makes of an offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scheduler.model.intent import Create, Destroy, Launch, Operation, Reserve, Unreserve
from scheduler.model.node import Executor
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from tests.simulation.resources import Bag, add, allocatable, bag, holds, listed, take

if TYPE_CHECKING:
    from tests.simulation.agent import Agent

ALLOCATION_SECONDS = 1.0


@dataclass(slots=True)
class TaskRecord:
    """A task as the master knows it."""

    id: str
    name: str
    executor: Executor
    resources: Bag
    state: str = "TASK_STAGING"
    uuid: str | None = None
    data: bytes = b""
    message: str = ""
    kill: float | None = None


@dataclass(slots=True)
class AgentRecord:
    """An agent as the master knows it: ``total`` is all it has, as reserved by now."""

    id: str
    agent: Agent
    total: Bag
    active: bool = True
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    executors: dict[str, tuple[Executor, Bag]] = field(default_factory=dict)
    filters: list[tuple[float, Bag]] = field(default_factory=list)
    offered: dict[str, Bag] = field(default_factory=dict)


@dataclass(slots=True)
class Outstanding:
    """An offer that is to be answered."""

    id: str
    agent_id: str
    since: float


class Allocation:
    """Offers of one master to its one framework."""

    def __init__(self) -> None:
        self.agents: dict[str, AgentRecord] = {}
        self.offers: dict[str, Outstanding] = {}
        self.suppressed = False

    def free(self, record: AgentRecord) -> Bag:
        """What is neither used nor offered."""
        left = dict(record.total)
        for task in record.tasks.values():
            _take_what_is_there(left, task.resources)
        for _, resources in record.executors.values():
            _take_what_is_there(left, resources)
        for offered in record.offered.values():
            _take_what_is_there(left, offered)
        return left

    def new_offer(
        self, record: AgentRecord, ident: str, now: float, part: Callable[[Bag], Bag] = dict
    ) -> Offer | None:
        """An offer of all that is free on an agent, unless there is none or it was refused for a while."""
        if not record.active or self.suppressed:
            return None
        left = part(self.free(record))
        record.filters = [f for f in record.filters if f[0] > now]
        if not allocatable(left) or any(holds(refused, left) for _, refused in record.filters):
            return None
        record.offered[ident] = left
        self.offers[ident] = Outstanding(ident, record.id, now)
        agent = record.agent
        return Offer(
            ident,
            record.id,
            agent.hostname,
            agent.address,
            listed(left),
            agent.attributes,
            tuple(record.executors),
            agent.region,
            agent.zone,
        )

    def give_back(self, ident: str) -> tuple[AgentRecord, Bag] | None:
        """The offer ends; whose it was, and what was in it."""
        outstanding = self.offers.pop(ident, None)
        record = self.agents.get(outstanding.agent_id) if outstanding else None
        return (record, record.offered.pop(ident)) if record is not None else None

    def forget_offers(self, record: AgentRecord) -> list[str]:
        """All offers of an agent end; their ids."""
        ids = list(record.offered)
        for ident in ids:
            self.give_back(ident)
        return ids


def _take_what_is_there(left: Bag, used: Bag) -> None:
    """Resources that are used and, after an agent has lost some, not there any more, count as used up."""
    for what, amount in used.items():
        found = left.get(what)
        if found is None:
            continue
        rest = found - amount if isinstance(amount, frozenset) else round(found - amount, 3)  # type: ignore[operator]
        if rest and not (isinstance(rest, float) and rest < 0):
            left[what] = rest
        else:
            del left[what]


class Dropped(Exception):
    """An operation that does not fit what was offered, with the reason."""


@dataclass(slots=True)
class Pipeline:
    """The operations of one ACCEPT, done one after the other on what was offered."""

    record: AgentRecord
    remaining: Bag
    converted: bool = False
    launched: list[tuple[Launch, TaskRecord]] = field(default_factory=list)

    def apply(self, operation: Operation) -> None:
        """Do one. Raises Dropped."""
        match operation:
            case Reserve(resources):
                self._convert([(_below(r), r) for r in resources])
            case Unreserve(resources):
                self._convert([(r, _below(r)) for r in resources])
            case Create(volumes):
                self._refuse_duplicates(volumes)
                self._convert([(_plain(v), v) for v in volumes])
            case Destroy(volumes):
                self._convert([(v, _plain(v)) for v in volumes])
            case Launch():
                self._launch(operation)

    def _convert(self, pairs: list[tuple[Resource, Resource]]) -> None:
        before, after = bag(p[0] for p in pairs), bag(p[1] for p in pairs)
        if not holds(self.remaining, before):
            raise Dropped("it needs more than is available")
        take(self.remaining, before)
        add(self.remaining, after)
        take(self.record.total, before)
        add(self.record.total, after)
        self.converted = True

    def _refuse_duplicates(self, volumes: tuple[Resource, ...]) -> None:
        ids = {volume.persistence_id for volume in volumes}
        if any(what.persistence_id in ids for what in self.record.total if what.persistence_id):
            raise Dropped("the persistence id is in use")

    def _launch(self, launch: Launch) -> None:
        record = self.record
        running = record.executors.get(launch.executor.id)
        if running is not None and running[0] != launch.executor:
            raise Dropped("ExecutorInfo is not compatible with existing ExecutorInfo")
        if launch.agent_id != record.id or launch.task_id in record.tasks:
            raise Dropped("the agent is another one, or the task id is not new")
        task, executor = bag(launch.resources), bag(launch.executor.resources)
        both: Bag = {}
        add(both, task)
        if running is None:
            add(both, executor)
        if not holds(self.remaining, both):
            raise Dropped("the task uses more resources than available")
        take(self.remaining, both)
        made = TaskRecord(launch.task_id, launch.name, launch.executor, task)
        record.tasks[launch.task_id] = made
        record.executors.setdefault(launch.executor.id, (launch.executor, executor))
        self.launched.append((launch, made))


def _below(resource: Resource) -> Resource:
    return resource._replace(reservations=resource.reservations[:-1])


def _plain(volume: Resource) -> Resource:
    disk = volume.disk._replace(persistence_id=None, principal=None) if volume.disk else None
    return volume._replace(disk=disk)


def rest(remaining: Bag, offered: Bag) -> Bag:
    """What of an offer is left unused as it was: only that is refused for a while."""
    left: Bag = {}
    for what, amount in remaining.items():
        if what in offered:
            add(left, {what: amount})
    return left
