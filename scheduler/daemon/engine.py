"""The queue of events: one greenlet takes them one by one and owns the world.

Everybody else puts events into the queue or reads the world, which is immutable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gevent.event import AsyncResult
from gevent.queue import Empty, Queue
from gevent.timeout import Timeout

from scheduler.daemon.loop import Ledgers, Loop, Mesos, Refusal
from scheduler.daemon.service import Conflict, NotFound, Unavailable
from scheduler.decide.decision import Refused, UnknownName
from scheduler.model.event import Command, Event, Tick
from scheduler.model.world import World

__all__ = ["Engine", "Refusal"]

TICK_SECONDS = 1.0
COMMAND_SECONDS = 10.0


@dataclass
class Order:
    """A command on its way through the queue; ``begun`` once the loop has taken it."""

    command: Command
    answer: AsyncResult
    begun: bool = False
    withdrawn: bool = False


class Engine:
    """Runs the loop for one leader. ``clock`` gives seconds since the epoch."""

    def __init__(self, world: World, store: Ledgers, mesos: Mesos, clock: Callable[[], float]) -> None:
        self._loop = Loop(world, store, mesos, clock)
        self._queue: Any = Queue()

    @property
    def world(self) -> World:
        """The world after the last event."""
        return self._loop.world

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
                self._loop.step(item)

    def _obey(self, order: Order) -> None:
        if order.withdrawn:
            return
        order.begun = True
        try:
            self._loop.step(order.command)
        except UnknownName as error:
            order.answer.set_exception(NotFound(str(error)))
        except Refused as error:
            order.answer.set_exception(Conflict(str(error)))
        else:
            order.answer.set(None)


def _unanswered(order: Order) -> str:
    if order.begun:
        return (
            f"ZooKeeper did not confirm within {COMMAND_SECONDS:g} s, so it is not known whether the command "
            "is stored; repeating it is harmless"
        )
    return (
        "the service is waiting for ZooKeeper or Mesos: the command is not stored, nothing changed; repeat it"
    )
