"""The Mesos master: one framework's subscription, agents that come and go, tasks, offers, reconciliation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Protocol

from scheduler.mesos.driver import CallRefused
from scheduler.model.event import (
    AgentLost,
    ExecutorLost,
    FrameworkRefused,
    MesosEvent,
    MessageReceived,
    OfferRescinded,
    OffersReceived,
    Subscribed,
    Updated,
)
from scheduler.model.intent import (
    Accept,
    Decline,
    Intent,
    Kill,
    Launch,
    Reconcile,
    Revive,
    Send,
    ShutdownExecutor,
    Suppress,
)
from scheduler.model.offer import Offer
from scheduler.model.task import TERMINAL, TaskUpdate
from tests.simulation.clock import Clock, Timer
from tests.simulation.offers import (
    ALLOCATION_SECONDS,
    AgentRecord,
    Allocation,
    Dropped,
    Pipeline,
    TaskRecord,
    rest,
)
from tests.simulation.resources import Bag, add

if TYPE_CHECKING:
    from tests.simulation.agent import Agent

PING_TIMEOUT_SECONDS = 75.0
REREGISTER_SECONDS = 600.0

RECONCILED = "REASON_RECONCILIATION"


class Stream(Protocol):
    """A scheduler's subscription, as the master sees it."""

    def deliver(self, event: MesosEvent) -> None:
        """Send an event down the stream."""

    def close(self) -> None:
        """End the stream."""


class Watcher(Protocol):
    """Who looks on: told before what a framework's call asks for is done."""

    def launching(self, launch: Launch) -> None:
        """A task is to be launched."""

    def acknowledging(self, task: TaskRecord | None, update: TaskUpdate) -> None:
        """An update is acknowledged."""

    def killing(self, task_id: str) -> None:
        """A task is to be killed."""


class Master(Allocation):
    """The leading master. It forgets all but agents, unreachable ones and those gone, when it fails over."""

    def __init__(self, clock: Clock, rng: Random, watcher: Watcher) -> None:
        super().__init__()
        self._clock = clock
        self._rng = rng
        self._watcher = watcher
        self._count = 0
        self._allocate_at: float | None = None
        self._pings: dict[str, Timer] = {}
        self.up = True
        self.name = "10.9.0.1:5050"
        self.stream: Stream | None = None
        self.framework_id: str | None = None
        self.removed: list[str] = []
        self.recovered: set[str] = set()
        self.unreachable: dict[str, dict[str, TaskRecord]] = {}
        self.gone: set[str] = set()
        self.drop_next: str | None = None
        self.rescind_next = False
        self.split_next = 0
        self.history: deque[TaskUpdate] = deque(maxlen=30)
        self.on_teardown: Callable[[], None] = lambda: None

    # The scheduler's side.

    def subscribe(self, stream: Stream, framework_id: str | None) -> None:
        """Take a scheduler in; whoever was subscribed is told, and its stream ends."""
        if framework_id is not None and framework_id in self.removed:
            stream.deliver(FrameworkRefused("Framework has been removed"))
            return
        if self.stream is not None:
            before, self.stream = self.stream, None
            before.deliver(FrameworkRefused("Framework failed over"))
        self._rescind_all()
        self.stream = stream
        self.framework_id = framework_id or self.framework_id or self._ident("F")
        self.suppressed = False
        stream.deliver(Subscribed(self.framework_id, self.name))
        self.allocate_soon()

    def disconnected(self, stream: Stream) -> None:
        """A subscription has ended at the other side. Filters end with it."""
        if self.stream is stream:
            self.stream = None
            self._rescind_all()
            for record in self.agents.values():
                record.filters.clear()

    def teardown(self, stream: Stream) -> None:
        """Remove the framework with all its tasks; reservations and volumes stay."""
        self._check(stream)
        self.removed.append(self.framework_id or "")
        self.framework_id, self.stream = None, None
        self._rescind_all()
        for record in self.agents.values():
            for executor_id in list(record.executors):
                record.agent.order(record.agent.shutdown_executor, executor_id)
            record.tasks.clear()
            record.executors.clear()
        self.on_teardown()

    def acknowledge(self, stream: Stream, update: TaskUpdate) -> None:
        """Pass an acknowledgement on; after that of its end a task is forgotten."""
        self._check(stream)
        record = self.agents.get(update.agent_id or "")
        task = record.tasks.get(update.task_id) if record is not None else None
        self._watcher.acknowledging(task, update)
        if record is None:
            return
        if task is not None and task.state in TERMINAL and task.uuid == update.uuid:
            del record.tasks[task.id]
        record.agent.order(record.agent.acknowledged, update.task_id, update.uuid)

    def call(self, stream: Stream, intent: Intent) -> None:
        """Take a call, in the order of arrival. Raises CallRefused."""
        self._check(stream)
        match intent:
            case Accept():
                self._accept(intent)
            case Decline(offer_ids, refuse_seconds):
                self._decline(offer_ids, refuse_seconds)
            case Suppress():
                self.suppressed = True
            case Revive():
                self._revive()
            case Reconcile(tasks):
                self._reconcile(tasks)
            case Kill(task_id, agent_id, grace_seconds):
                self._kill(task_id, agent_id, grace_seconds)
            case ShutdownExecutor(executor_id, agent_id):
                self._to(agent_id, lambda agent: agent.order(agent.shutdown_executor, executor_id))
            case Send(executor_id, agent_id, data):
                self._to(agent_id, lambda agent: agent.order(agent.message, executor_id, data))

    def _check(self, stream: Stream) -> None:
        if stream is not self.stream:
            raise CallRefused(403, "Framework is not subscribed")

    def _to(self, agent_id: str, call: Callable[[Agent], None]) -> None:
        record = self.agents.get(agent_id)
        if record is not None and record.active:
            call(record.agent)

    def _emit(self, event: MesosEvent) -> None:
        if self.stream is not None:
            self.stream.deliver(event)

    def _ident(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    # Offers.

    def allocate_soon(self) -> None:
        """Offer what has become free, with all else that does so within a second."""
        self._allocate_by(self._clock.now + ALLOCATION_SECONDS)

    def _allocate_by(self, time: float) -> None:
        now = self._clock.now
        if self._allocate_at is None or not now <= self._allocate_at <= time:
            self._allocate_at = time
            self._clock.at(time, self._allocate, time)

    def _allocate(self, time: float) -> None:
        if self._allocate_at != time:
            return
        self._allocate_at = None
        if not self.up or self.stream is None:
            return
        offers = [offer for record in self.agents.values() for offer in self._offers_of(record)]
        if offers:
            self._emit(OffersReceived(tuple(offers)))
            if self.rescind_next:
                self.rescind_next = False
                for offer in offers:
                    self.rescind(offer.id)
        self._await_filters()

    def _offers_of(self, record: AgentRecord) -> list[Offer]:
        """One offer of all that is free; when so ordered, one of a part, and the rest beside it or next."""
        offer = self.new_offer(record, self._ident("O"), self._clock.now, self._part)
        if offer is None:
            return []
        if not self.split_next:
            return [offer]
        self.split_next -= 1
        self.allocate_soon()
        other = (
            self.new_offer(record, self._ident("O"), self._clock.now) if self._rng.random() < 0.5 else None
        )
        return [offer] if other is None else [offer, other]

    def _part(self, free: Bag) -> Bag:
        if not self.split_next:
            return free
        return {what: amount for what, amount in free.items() if self._rng.random() < 0.6}

    def _await_filters(self) -> None:
        now = self._clock.now
        ends = [end for record in self.agents.values() for end, _ in record.filters if end > now]
        if ends:
            self._allocate_by(min(ends) + 0.001)

    def rescind(self, ident: str) -> None:
        """Take an offer back."""
        if self.give_back(ident) is not None:
            self._emit(OfferRescinded(ident))
            self.allocate_soon()

    def _rescind_all(self) -> None:
        for record in self.agents.values():
            self.forget_offers(record)
        self.offers.clear()

    def _decline(self, offer_ids: tuple[str, ...], seconds: float) -> None:
        for ident in offer_ids:
            given = self.give_back(ident)
            if given is not None:
                self._filter(given[0], given[1], seconds)
        self._await_filters()

    def _filter(self, record: AgentRecord, refused: Bag, seconds: float) -> None:
        if seconds > 0 and refused:
            record.filters.append((self._clock.now + max(seconds, ALLOCATION_SECONDS), refused))

    def _revive(self) -> None:
        self.suppressed = False
        for record in self.agents.values():
            record.filters.clear()
        self.allocate_soon()

    def _accept(self, accept: Accept) -> None:
        for operation in accept.operations:
            if isinstance(operation, Launch):
                self._watcher.launching(operation)
        agents = {self.offers[i].agent_id if i in self.offers else None for i in accept.offer_ids}
        given = [self.give_back(ident) for ident in accept.offer_ids]
        parts = [part for part in given if part is not None]
        if len(agents) != 1 or None in agents or len(parts) != len(given):
            self._void(accept)
            return
        record, remaining = parts[0][0], {}
        for _, part in parts:
            add(remaining, part)
        self._run(record, remaining, accept)

    def _run(self, record: AgentRecord, remaining: Bag, accept: Accept) -> None:
        offered = dict(remaining)
        pipeline = Pipeline(record, remaining)
        for operation in accept.operations:
            try:
                self._drop_as_ordered(type(operation).__name__)
                pipeline.apply(operation)
            except Dropped as dropped:
                if isinstance(operation, Launch):
                    self._task_error(operation, str(dropped))
        if pipeline.converted:
            record.agent.order(record.agent.checkpoint, dict(record.total))
        for launch, _ in pipeline.launched:
            record.agent.order(record.agent.launch, launch)
        self._filter(record, rest(pipeline.remaining, offered), accept.refuse_seconds)
        self.allocate_soon()

    def _drop_as_ordered(self, name: str) -> None:
        if self.drop_next == name:
            self.drop_next = None
            raise Dropped("not authorized")

    def _void(self, accept: Accept) -> None:
        for operation in accept.operations:
            if isinstance(operation, Launch):
                self._made_up(
                    operation.task_id, "TASK_DROPPED", operation.agent_id, "REASON_INVALID_OFFERS", "invalid"
                )
        self.allocate_soon()

    def _task_error(self, launch: Launch, message: str) -> None:
        self._made_up(launch.task_id, "TASK_ERROR", launch.agent_id, "REASON_TASK_INVALID", message)

    def _made_up(
        self,
        task_id: str,
        state: str,
        agent_id: str | None,
        reason: str,
        message: str = "",
        data: bytes = b"",
    ) -> None:
        """Tell of a task without an agent's update: nobody acknowledges that."""
        self._emit(
            Updated(
                TaskUpdate(
                    task_id,
                    state,
                    agent_id,
                    reason=reason,
                    message=message,
                    source="SOURCE_MASTER",
                    timestamp=self._clock.now,
                    data=data,
                )
            )
        )

    # Tasks.

    def _kill(self, task_id: str, agent_id: str, grace_seconds: float) -> None:
        self._watcher.killing(task_id)
        record = next((r for r in self.agents.values() if task_id in r.tasks), None)
        if record is None:
            self._reconcile(((task_id, agent_id),))
        elif record.id == agent_id:
            record.tasks[task_id].kill = grace_seconds
            if record.active:
                record.agent.order(record.agent.kill, task_id, grace_seconds)

    def _reconcile(self, tasks: tuple[tuple[str, str], ...]) -> None:
        if not tasks:
            for record in self.agents.values():
                for task in record.tasks.values():
                    self._made_up(task.id, task.state, record.id, RECONCILED, task.message, task.data)
        for task_id, agent_id in tasks:
            self._answer(task_id, agent_id)

    def _answer(self, task_id: str, agent_id: str) -> None:
        for record in self.agents.values():
            task = record.tasks.get(task_id)
            if task is not None:
                self._made_up(task_id, task.state, record.id, RECONCILED, task.message, task.data)
                return
        if agent_id in self.recovered:
            return
        if agent_id in self.agents:
            state = "TASK_GONE"
        elif agent_id in self.unreachable:
            state = "TASK_UNREACHABLE"
        else:
            state = "TASK_GONE_BY_OPERATOR" if agent_id in self.gone else "TASK_UNKNOWN"
        self._made_up(task_id, state, agent_id, RECONCILED)

    # The agents' side.

    def register(self, agent: Agent, before: str | None) -> str | None:
        """Take an agent in, back under its id or anew; the id, None where it was marked gone."""
        if before in self.gone:
            return None
        self._remove_predecessor(agent, before)
        known = self.agents.get(before or "")
        ident = before or self._ident("S")
        record = AgentRecord(ident, agent, dict(agent.total))
        if known is not None:
            self.forget_offers(known)
            self._cancel_ping(ident)
        returned = self.unreachable.pop(ident, None)
        self.recovered.discard(ident)
        self.agents[ident] = record
        self._take_tasks(record, known.tasks if known is not None else {}, returned)
        self.allocate_soon()
        return ident

    def _remove_predecessor(self, agent: Agent, before: str | None) -> None:
        for record in list(self.agents.values()):
            if record.agent is agent and record.id != before:
                self._remove(record, "TASK_GONE", "REASON_AGENT_REMOVED")

    def _take_tasks(
        self, record: AgentRecord, known: dict[str, TaskRecord], returned: dict[str, TaskRecord] | None
    ) -> None:
        for task in record.agent.tasks():
            record.tasks[task.id] = task
            before = known.get(task.id)
            if before is not None and before.kill is not None and task.state not in TERMINAL:
                task.kill = before.kill
                record.agent.order(record.agent.kill, task.id, before.kill)
            if returned is not None:
                self._made_up(
                    task.id, task.state, record.id, "REASON_AGENT_REREGISTERED", task.message, task.data
                )
        record.executors.update(record.agent.running_executors())
        for task_id, task in {**known, **(returned or {})}.items():
            if task_id not in record.tasks and task.state not in TERMINAL:
                self._made_up(
                    task_id, "TASK_GONE", record.id, "REASON_AGENT_RESTARTED", "unknown to the agent"
                )

    def link_broken(self, agent_id: str) -> None:
        """An agent's connection has ended: it is not offered, and given up if it stays away."""
        record = self.agents.get(agent_id)
        if record is None or not record.active:
            return
        record.active = False
        for ident in self.forget_offers(record):
            self._emit(OfferRescinded(ident))
        self._cancel_ping(agent_id)
        self._pings[agent_id] = self._clock.after(PING_TIMEOUT_SECONDS, self._unreachable, agent_id)

    def silence(self, agent_id: str) -> None:
        """Nothing is heard of an agent, though its connection stands: it is given up if that lasts."""
        if agent_id in self.agents:
            self._cancel_ping(agent_id)
            self._pings[agent_id] = self._clock.after(PING_TIMEOUT_SECONDS, self._unreachable, agent_id)

    def _cancel_ping(self, agent_id: str) -> None:
        timer = self._pings.pop(agent_id, None)
        if timer is not None:
            timer.cancel()

    def _unreachable(self, agent_id: str) -> None:
        record = self.agents.get(agent_id)
        if record is None or not self.up:
            return
        self.unreachable[agent_id] = {t.id: t for t in record.tasks.values() if t.state not in TERMINAL}
        self._remove(record, "TASK_UNREACHABLE", "REASON_AGENT_REMOVED")

    def mark_gone(self, agent_id: str) -> bool:
        """An operator says that an agent never comes back; False where there is no such agent."""
        record = self.agents.get(agent_id)
        if record is None and agent_id not in self.unreachable:
            return False
        self.gone.add(agent_id)
        if record is not None:
            self._remove(record, "TASK_GONE_BY_OPERATOR", "REASON_AGENT_REMOVED_BY_OPERATOR")
            record.agent.marked_gone()
            return True
        for task_id in self.unreachable.pop(agent_id):
            self._made_up(task_id, "TASK_GONE_BY_OPERATOR", agent_id, "REASON_AGENT_REMOVED_BY_OPERATOR")
        return True

    def _remove(self, record: AgentRecord, state: str, reason: str) -> None:
        self._cancel_ping(record.id)
        for ident in self.forget_offers(record):
            self._emit(OfferRescinded(ident))
        del self.agents[record.id]
        for task in record.tasks.values():
            if task.state not in TERMINAL:
                self._made_up(task.id, state, record.id, reason)
        self._emit(AgentLost(record.id))

    def updated(self, agent_id: str, update: TaskUpdate) -> None:
        """An agent forwards an update, for the first time or again."""
        record = self.agents.get(agent_id)
        if record is None:
            return
        task = record.tasks.get(update.task_id)
        if task is not None and task.state not in TERMINAL:
            task.state, task.uuid = update.state, update.uuid
            task.message, task.data = update.message, update.data
            if update.state in TERMINAL:
                task.resources = {}
                self.allocate_soon()
        elif task is not None:
            task.uuid = update.uuid
        self.history.append(update)
        self._emit(Updated(update))

    def executor_exited(self, agent_id: str, executor_id: str, status: int) -> None:
        """An executor has ended: what it used is free."""
        record = self.agents.get(agent_id)
        if record is not None and record.executors.pop(executor_id, None) is not None:
            self._emit(ExecutorLost(executor_id, agent_id, status))
            self.allocate_soon()

    def from_executor(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """An executor sends a message."""
        self._emit(MessageReceived(executor_id, agent_id, data))

    def replay(self, update: TaskUpdate) -> None:
        """An update comes once more, or one comes of a task that nobody knows."""
        self._emit(Updated(update))

    # Failing over.

    def fail_over(self, seconds: float) -> None:
        """The leading master ends; another one leads after so many seconds, and knows the agents alone."""
        if not self.up:
            return
        self.up = False
        stream, self.stream = self.stream, None
        self._rescind_all()
        if stream is not None:
            stream.close()
        for timer in self._pings.values():
            timer.cancel()
        self._pings.clear()
        self.recovered |= set(self.agents)
        for record in self.agents.values():
            record.agent.master_lost()
        self.agents.clear()
        self.removed.clear()
        self.framework_id = None
        self._clock.after(seconds, self._lead)

    def _lead(self) -> None:
        self.up = True
        self.name = f"10.9.0.{1 + int(self.name.split('.')[3].split(':')[0]) % 3}:5050"
        self._clock.after(REREGISTER_SECONDS, self._give_up, frozenset(self.recovered))

    def _give_up(self, waited_for: frozenset[str]) -> None:
        for ident in sorted(waited_for & self.recovered):
            self.recovered.discard(ident)
            self.unreachable[ident] = {}
