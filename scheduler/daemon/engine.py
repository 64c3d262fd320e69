"""The loop: take an event, decide, store, act, acknowledge.

One greenlet runs it and owns the world; everybody else puts events into its queue or reads the world,
which is immutable. A crash between any two of the steps is made good by reconciliation.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gevent.event import AsyncResult
from gevent.queue import Empty, Queue
from gevent.timeout import Timeout

from scheduler.daemon.service import Conflict, NotFound, Unavailable
from scheduler.decide.core import decide
from scheduler.decide.decision import Decision, Refused, UnknownName
from scheduler.mesos.driver import CallFailed, CallRefused, NotConnected
from scheduler.model.event import Command, Event, FrameworkRefused, Subscribed, Tick, Updated
from scheduler.model.intent import Intent
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger, World

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
COMMAND_SECONDS = 10.0


class Mesos(Protocol):
    """What the loop needs of the driver."""

    def perform(self, intent: Intent) -> None:
        """Carry an intent out. Raises NotConnected, CallFailed or CallRefused."""

    def acknowledge(self, update: TaskUpdate) -> None:
        """Tell Mesos that an update is taken care of. Raises as ``perform``."""

    def reconnect(self) -> None:
        """Drop the subscription and subscribe again: everything unsure is then told anew."""


class Ledgers(Protocol):
    """What the loop needs of the store."""

    def load(self) -> Ledger | None:
        """Read the stored ledger."""

    def commit(self, before: Ledger, after: Ledger) -> None:
        """Store what differs. Raises Fenced."""


@dataclass
class Order:
    """A command on its way through the queue; ``begun`` once the loop has taken it."""

    command: Command
    answer: AsyncResult
    begun: bool = False
    withdrawn: bool = False


class Refusal(Exception):
    """Mesos wants nothing of this framework any more; the message says what an operator must do."""


class Engine:
    """Runs the loop for one leader. ``clock`` gives seconds since the epoch."""

    def __init__(self, world: World, store: Ledgers, mesos: Mesos, clock: Callable[[], float]) -> None:
        self.world = world
        self._store = store
        self._mesos = mesos
        self._clock = clock
        self._queue: Any = Queue()

    def submit(self, event: Event) -> None:
        """Queue an event; it is handled after those before it."""
        self._queue.put(event)

    def order(self, command: Command) -> None:
        """Queue a command and wait until it is stored. Raises NotFound, Conflict or Unavailable."""
        order = Order(command, AsyncResult())
        self._queue.put(order)
        try:
            order.answer.get(timeout=COMMAND_SECONDS)
        except Timeout:
            order.withdrawn = True
            raise Unavailable(_unanswered(order)) from None

    def run(self) -> None:
        """Handle events for ever. Raises Fenced or Refusal when this leader must do nothing more."""
        while True:
            try:
                item = self._queue.get(timeout=TICK_SECONDS)
            except Empty:
                item = Tick()
            if isinstance(item, Order):
                self._obey(item)
            else:
                self._handle(item)

    def _obey(self, order: Order) -> None:
        if order.withdrawn:
            return
        order.begun = True
        try:
            self._decide(order.command)
        except UnknownName as error:
            order.answer.set_exception(NotFound(str(error)))
        except Refused as error:
            order.answer.set_exception(Conflict(str(error)))
        else:
            order.answer.set(None)

    def _handle(self, event: Event) -> None:
        if isinstance(event, FrameworkRefused):
            raise Refusal(event.message)
        if isinstance(event, Subscribed):
            self._read_again()
        self._decide(event)
        if isinstance(event, Updated):
            self._attempt(functools.partial(self._mesos.acknowledge, event.update), "acknowledgement")

    def _read_again(self) -> None:
        """Whoever led before can act no more: its stream has ended. What it stored last is what holds."""
        ledger = self._store.load()
        if ledger is not None:
            self.world = dataclasses.replace(self.world, ledger=ledger)

    def _decide(self, event: Event) -> None:
        decision: Decision = decide(self.world, event, self._clock())
        self._store.commit(self.world.ledger, decision.world.ledger)
        self.world = decision.world
        for intent in decision.intents:
            log.debug("intent %s", intent)
            self._attempt(functools.partial(self._mesos.perform, intent), type(intent).__name__)

    def _attempt(self, call: Callable[[], None], what: str) -> None:
        """Make a call. One that is lost or refused is never repeated as it is: what it was to bring about
        is found missing after the next subscription, which this brings on.
        """
        try:
            call()
        except NotConnected:
            log.info("not connected to Mesos: %s was not sent", what)
        except (CallFailed, CallRefused) as error:
            log.warning("%s failed, subscribing again: %s", what, error)
            self._mesos.reconnect()


def _unanswered(order: Order) -> str:
    if order.begun:
        return (
            f"ZooKeeper did not confirm within {COMMAND_SECONDS:g} s, so it is not known whether the command "
            "is stored; repeating it is harmless"
        )
    return (
        "the service is waiting for ZooKeeper or Mesos: the command is not stored, nothing changed; repeat it"
    )
