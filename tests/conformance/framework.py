"""A framework on the project's own driver, whose every wait acknowledges the updates that have come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from scheduler.mesos.detector import Detector, StaticDetector
from scheduler.mesos.driver import Driver, Framework
from scheduler.model.event import (
    Disconnected,
    FrameworkRefused,
    MesosEvent,
    MessageReceived,
    OfferRescinded,
    OffersReceived,
    Subscribed,
    Updated,
)
from scheduler.model.intent import Accept, Decline, Operation, Reconcile, Send
from scheduler.model.offer import Offer
from scheduler.model.task import TERMINAL, TaskUpdate
from tests.integration.scripted_server import eventually
from transport.backoff import within
from transport.loop import Timing

E = TypeVar("E")

IMPATIENT = Timing(within(0.05, 0.2))
"""Subscribes again without the waits that a cluster full of frameworks needs."""

AT_ONCE = 0.0
"""Seconds to refuse an offer for: it may come back with the next allocation."""


def anything(_: object) -> bool:
    return True


class Scheduler:
    """Keeps all events and the offers it holds. ``acknowledging``: or the test does so itself.

    While it ``leads``, it subscribes again whenever it is cut off.
    """

    def __init__(self, master: str | Detector, framework: Framework, *, acknowledging: bool = True) -> None:
        self.framework = framework
        self.role = framework.role
        self.acknowledging = acknowledging
        self.leads = True
        self.events: list[MesosEvent] = []
        self.held: dict[str, Offer] = {}
        self._acknowledged: set[str] = set()
        self._lock = threading.Lock()
        detector = StaticDetector(master) if isinstance(master, str) else master
        self.driver = Driver(framework, detector, self._on_event, lambda: self.leads, IMPATIENT)
        self.driver.start()

    @property
    def framework_id(self) -> str:
        return str(self.wait(Subscribed).framework_id)

    @property
    def subscribed(self) -> bool:
        """Whether it is connected now."""
        return self.driver._session is not None

    def _on_event(self, event: MesosEvent) -> None:
        with self._lock:
            self.events.append(event)
            match event:
                case OffersReceived(offers):
                    self.held |= {offer.id: offer for offer in offers}
                case OfferRescinded(offer_id):
                    self.held.pop(offer_id, None)
                case Subscribed() | Disconnected() | FrameworkRefused():
                    self.held.clear()

    # What has come.

    def mark(self) -> int:
        """The present, as ``since`` of a later question."""
        return len(self.events)

    def of(self, kind: type[E], fits: Callable[[E], object] = anything, since: int = 0) -> list[E]:
        """The events of a kind."""
        return [e for e in self.events[since:] if isinstance(e, kind) and fits(e)]

    def updates(self, task_id: str, since: int = 0) -> list[TaskUpdate]:
        """All updates of a task."""
        return [e.update for e in self.of(Updated, since=since) if e.update.task_id == task_id]

    def states(self, task_id: str) -> list[str]:
        """The states of a task as they were told, each once in a row."""
        states = [update.state for update in self.updates(task_id)]
        return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]

    # What is waited for.

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait for it, and acknowledge updates meanwhile."""

        def settled() -> object:
            if self.acknowledging:
                self.acknowledge_all()
            return true()

        eventually(settled, what)

    def acknowledge_all(self) -> None:
        """Acknowledge every update that has come, once."""
        for event in self.of(Updated):
            uuid = event.update.uuid
            if uuid is not None and uuid not in self._acknowledged:
                self.driver.acknowledge(event.update)
                self._acknowledged.add(uuid)

    def wait(self, kind: type[E], fits: Callable[[E], object] = anything, since: int = 0) -> E:
        """The first event of a kind that fits."""
        self.until(lambda: self.of(kind, fits, since), kind.__name__)
        return self.of(kind, fits, since)[0]

    def update(
        self,
        task_id: str,
        *states: str,
        fits: Callable[[TaskUpdate], object] = anything,
        since: int = 0,
    ) -> TaskUpdate:
        """The first update of a task with one of the states (any, where none is given) that fits."""

        def wanted() -> list[TaskUpdate]:
            found = [u for u in self.updates(task_id, since) if (not states or u.state in states) and fits(u)]
            ends = [u for u in self.updates(task_id, since) if u.state in TERMINAL]
            assert found or not ends or not states or TERMINAL & {*states}, f"instead of {states}: {ends}"
            return found

        self.until(wanted, f"{task_id} {states}")
        return wanted()[0]

    def offer(self, fits: Callable[[Offer], object] = anything) -> Offer:
        """Take an offer that fits. Others are given back, so that parts of an agent become one offer."""
        taken: list[Offer] = []

        def found() -> bool:
            with self._lock:
                held = list(self.held.values())
            for offer in held:
                if fits(offer):
                    taken.append(offer)
                    self._forget([offer])
                    return True
            if held:
                self.decline(*held)
            return False

        self.until(found, "an offer that fits")
        return taken[0]

    def offers(self, agents: int) -> list[Offer]:
        """Wait until offers of so many agents are held, and do not take them; by host and attributes."""
        self.until(lambda: len({o.agent_id for o in self.held.values()}) >= agents, f"{agents} agents")
        return sorted(self.held.values(), key=lambda o: (o.hostname, o.attributes))

    def said(self, since: int = 0) -> Any:
        """What an executor says."""
        return json.loads(self.wait(MessageReceived, since=since).data)

    def quiet(self, seconds: float, kind: type[E], fits: Callable[[E], object] = anything) -> None:
        """Make sure that no such event comes for so long: the one case in which time has to pass."""
        since = self.mark()
        time.sleep(seconds)
        assert not self.of(kind, fits, since)

    def no_offer(self, seconds: float, fits: Callable[[Offer], object] = anything) -> None:
        """Make sure that no offer is held, and none comes for so long."""
        time.sleep(seconds)
        assert not [offer for offer in list(self.held.values()) if fits(offer)]

    # What is done.

    def accept(self, offers: Offer | list[Offer], *operations: Operation, refuse: float = AT_ONCE) -> None:
        """Use offers."""
        used = offers if isinstance(offers, list) else [offers]
        self._forget(used)
        self.driver.perform(Accept(tuple(o.id for o in used), operations, refuse))

    def accept_json(self, offer: Offer, *operations: dict[str, Any]) -> None:
        """Use an offer for operations that our scheduler has no word for."""
        self._forget([offer])
        self.driver.acceptOffers([{"value": offer.id}], list(operations), {"refuse_seconds": AT_ONCE})

    def decline(self, *offers: Offer, refuse: float = AT_ONCE) -> None:
        """Give offers back."""
        self._forget(offers)
        self.driver.perform(Decline(tuple(offer.id for offer in offers), refuse))

    def tell(self, executor_id: str, agent_id: str, *steps: object) -> None:
        """Have the scripted executor do something more."""
        self.driver.perform(Send(executor_id, agent_id, json.dumps(steps).encode()))

    def ask(self, task_id: str, agent_id: str) -> TaskUpdate:
        """Reconcile a task, again and again until there is an answer."""
        since = self.mark()
        asked_at = 0.0

        def answered() -> list[TaskUpdate]:
            nonlocal asked_at
            if time.monotonic() - asked_at > 1.0:
                asked_at = time.monotonic()
                self.driver.perform(Reconcile(((task_id, agent_id),)))
            answers = self.updates(task_id, since)
            return [update for update in answers if update.reason == "REASON_RECONCILIATION"]

        self.until(answered, f"an answer about {task_id}")
        return answered()[0]

    def answer(self, task_id: str, agent_id: str = "") -> TaskUpdate:
        """The answer to one explicit reconciliation, with or without the agent's id."""
        since = self.mark()
        task = {"task_id": {"value": task_id}}
        self.driver.reconcileTasks([{**task, "agent_id": {"value": agent_id}} if agent_id else task])
        return self.update(
            task_id, *TERMINAL, "TASK_RUNNING", "TASK_UNREACHABLE", "TASK_UNKNOWN", since=since
        )

    def _forget(self, offers: Iterable[Offer]) -> None:
        with self._lock:
            for offer in offers:
                self.held.pop(offer.id, None)
