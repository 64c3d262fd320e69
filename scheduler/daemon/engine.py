"""The queue of events: one greenlet takes them one by one and owns the world.

Everybody else puts events into the queue or reads the world, which is immutable. While ZooKeeper is away
nothing is done with what the queue holds: what could not be stored is not decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import gevent.event
from gevent.event import AsyncResult
from gevent.queue import Empty, Queue
from gevent.timeout import Timeout

from scheduler.daemon.counts import CountingLedgers, CountingMesos, Counts
from scheduler.daemon.loop import Ledgers, Loop, Mesos, Refusal
from scheduler.daemon.offer_log import OfferLog
from scheduler.daemon.service import Conflict, NotFound, Unavailable
from scheduler.decide import eventlog
from scheduler.decide.core import decide
from scheduler.decide.decision import Refused, UnknownName
from scheduler.model.event import Command, Event, OffersReceived, Ordered, Tick
from scheduler.model.world import World
from scheduler.store.session import FateUnknown, Fenced

__all__ = ["Engine", "Refusal"]

TICK_SECONDS = 1.0
COMMAND_SECONDS = 10.0

STANDSTILL_SECONDS = 5.0
"""An engine that has not turned for so long, though it ticks, was stopped: another may have led meanwhile."""

NOT_STORED = "the command is not stored, nothing changed; repeat it"
UNKNOWN_FATE = "it is not known whether the command is stored; repeating it is harmless"


class Connection(Protocol):
    """What the engine needs of the ZooKeeper session."""

    def wait(self) -> object:
        """Return as soon as it is connected. Raises Fenced once it is lost."""


class FencedLedgers(Ledgers, Protocol):
    """What the engine needs of the store."""

    def confirm(self) -> None:
        """Ask ZooKeeper whether this process still leads. Raises Fenced."""


@dataclass
class Order:
    """A command on its way through the queue; ``begun`` once the loop has taken it."""

    command: Ordered
    answer: AsyncResult
    begun: bool = False
    withdrawn: bool = False


class Engine:
    """Runs the loop for one leader. ``clock`` gives seconds since the epoch.

    ``offers`` remembers what became of the last ones.
    """

    def __init__(
        self,
        world: World,
        store: FencedLedgers,
        session: Connection,
        mesos: Mesos,
        clock: Callable[[], float],
        counts: Counts,
    ) -> None:
        self.offers = OfferLog()
        self._counts = counts
        counting = CountingMesos(mesos, counts, self.offers.done)
        self._loop = Loop(world, CountingLedgers(store, counts), counting, clock)
        self._store = store
        self._session = session
        self._clock = clock
        self._turned_at = self._ticked_at = clock()
        self._queue: Any = Queue()
        self._told = gevent.event.Event()

    @property
    def world(self) -> World:
        """The world after the last event."""
        return self._loop.world

    @property
    def waiting(self) -> int:
        """How many events wait for their turn."""
        length: int = self._queue.qsize()
        return length

    def submit(self, event: Event) -> None:
        """Queue an event; it is handled after those before it."""
        self._queue.put(event)

    def order(self, command: Ordered) -> None:
        """Queue a command and wait until it is stored. Raises NotFound, Conflict or Unavailable."""
        order = Order(command, AsyncResult())
        self._queue.put(order)
        try:
            order.answer.get(timeout=COMMAND_SECONDS)
        except Timeout:
            order.withdrawn = True
            raise Unavailable(_unanswered(order)) from None

    def preview(self, command: Command) -> World:
        """The world after a command that is not carried out. Raises NotFound or Conflict."""
        try:
            return decide(self.world, command, self._clock()).world
        except Refused as error:
            raise _misfit(error) from None

    def await_events(self, number: int, seconds: float) -> None:
        """Return once the event log has an entry after that number, at the latest after so long."""
        with Timeout(seconds, False):
            while eventlog.last_number(self.world.ledger) <= number:
                self._told.wait()

    def finish(self) -> None:
        """Do what is left of an uninstallation of which Mesos knows its part. Raises Uninstalled."""
        self._loop.finish()

    def run(self) -> None:
        """Handle events for ever.

        Raises Fenced, Refusal, Unconfirmed or Uninstalled when this leader must do nothing more,
        UnreadableRecord when it cannot.
        """
        try:
            while True:
                self._turn()
        finally:
            self._turn_away()

    def _turn(self) -> None:
        item = self._next()
        events = self.world.ledger.events
        try:
            self._make_sure()
            self._take(item)
        except Fenced as error:
            if isinstance(item, Order):
                item.answer.set_exception(Unavailable(_fenced(error)))
            raise
        if self.world.ledger.events is not events:
            self._told.set()
            self._told.clear()

    def _next(self) -> Order | Event:
        """What comes next: a tick each second however busy Mesos is, for all that is repeated goes by it."""
        left = min(self._ticked_at + TICK_SECONDS - self._clock(), TICK_SECONDS)
        if left > 0:
            try:
                return cast(Order | Event, self._queue.get(timeout=left))
            except Empty:
                pass
        self._ticked_at = self._clock()
        return Tick()

    def _make_sure(self) -> None:
        """Wait for ZooKeeper, and after a standstill find out whether there is anything left to lead."""
        self._session.wait()
        if self._clock() - self._turned_at > STANDSTILL_SECONDS:
            self._store.confirm()
        self._turned_at = self._clock()

    def _take(self, item: Order | Event) -> None:
        if not isinstance(item, Order):
            self._step(item)
        elif not item.withdrawn:
            self._obey(item)

    def _step(self, event: Event) -> None:
        self._counts.happened(event)
        if isinstance(event, OffersReceived):
            self.offers.begin(event.offers, self._clock())
        self._loop.step(event)
        self.offers.end(self._loop.world)

    def _obey(self, order: Order) -> None:
        order.begun = True
        try:
            self._loop.step(order.command)
        except Refused as error:
            order.answer.set_exception(_misfit(error))
        else:
            order.answer.set(None)

    def _turn_away(self) -> None:
        """Answer the commands that are still queued when the engine ends."""
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, Order):
                item.answer.set_exception(Unavailable(f"this instance no longer leads: {NOT_STORED}"))


def _misfit(error: Refused) -> NotFound | Conflict:
    return NotFound(str(error)) if isinstance(error, UnknownName) else Conflict(str(error))


def _fenced(error: Fenced) -> str:
    fate = UNKNOWN_FATE if isinstance(error, FateUnknown) else NOT_STORED
    return f"this instance no longer leads: {fate}"


def _unanswered(order: Order) -> str:
    if order.begun:
        return f"ZooKeeper did not confirm within {COMMAND_SECONDS:g} s: {UNKNOWN_FATE}"
    return f"the service is waiting for ZooKeeper or Mesos: {NOT_STORED}"
