"""What the leader does with each event: decide, store, act, acknowledge.

Nothing here waits for events: ``scheduler.daemon.engine`` feeds the loop from its queue, and the simulation
in the tests from a clock of its own. A crash between any two of the four is made good by reconciliation.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from scheduler.decide import telling, uninstall
from scheduler.decide.core import transitions
from scheduler.decide.decision import Refused
from scheduler.mesos.driver import CallFailed, CallRefused, NotConnected
from scheduler.model.event import Event, FrameworkRefused, Ordered, Subscribed, TornDown, Updated
from scheduler.model.intent import Intent, Teardown
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger, Uninstall, World

log = logging.getLogger(__name__)


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

    def clear(self) -> None:
        """Delete all that is stored, but for what leadership needs. Raises Fenced."""


class Refusal(Exception):
    """Mesos wants nothing of this framework any more; the message says what an operator must do."""


class Unconfirmed(Exception):
    """Mesos was told to remove the framework and has not confirmed it: a new start finds out."""


class Uninstalled(Exception):
    """Nothing is left of the service, and nothing to do."""


class Loop:
    """Owns the world of one leader. ``clock`` gives seconds since the epoch."""

    def __init__(self, world: World, store: Ledgers, mesos: Mesos, clock: Callable[[], float]) -> None:
        self.world = world
        self._store = store
        self._mesos = mesos
        self._clock = clock

    def step(self, event: Event) -> None:
        """Take an event to its end.

        Raises Fenced, Refusal, Unconfirmed or Uninstalled when this leader must do nothing more, and
        decide's Refused for a command that does not fit.
        """
        if isinstance(event, FrameworkRefused):
            event = self._refused(event)
        if isinstance(event, Subscribed):
            self._read_again()
        self._decide(event)
        self.finish()
        if isinstance(event, Updated):
            self._attempt(functools.partial(self._mesos.acknowledge, event.update), "acknowledgement")

    def finish(self) -> None:
        """Delete the records once Mesos has removed the framework. Raises Uninstalled."""
        if uninstall.stage(self.world) is Uninstall.TORN_DOWN:
            self._store.clear()
            raise Uninstalled

    def _refused(self, event: FrameworkRefused) -> TornDown:
        """A framework that was to be removed is: a teardown before this start has reached Mesos."""
        if uninstall.stage(self.world) is not Uninstall.TEARING_DOWN:
            raise Refusal(event.message)
        return TornDown()

    def _read_again(self) -> None:
        """Whoever led before can act no more: its stream has ended. What it stored last is what holds."""
        ledger = self._store.load()
        if ledger is not None:
            self.world = dataclasses.replace(self.world, ledger=ledger)

    def _decide(self, event: Event) -> None:
        try:
            for decision in transitions(self.world, event, self._clock()):
                self._keep(decision.world)
                self._act(decision.intents)
        except Refused as error:
            if isinstance(event, Ordered):
                self._keep(telling.refused(self.world, event, str(error), self._clock()))
            raise

    def _act(self, intents: Iterable[Intent]) -> None:
        for intent in intents:
            log.debug("intent %s", intent)
            if isinstance(intent, Teardown):
                self._tear_down(intent)
            else:
                self._attempt(functools.partial(self._mesos.perform, intent), type(intent).__name__)

    def _keep(self, world: World) -> None:
        """Store the records, and go on from there."""
        self._store.commit(self.world.ledger, world.ledger)
        self.world = world

    def _tear_down(self, intent: Teardown) -> None:
        """The driver ends with this call, so there is no second try within this process."""
        try:
            self._mesos.perform(intent)
        except NotConnected:
            log.info("not connected to Mesos: the framework is removed once it is")
        except (CallFailed, CallRefused) as error:
            raise Unconfirmed(f"Mesos has not confirmed that the framework is removed: {error}") from None
        else:
            self._decide(TornDown())

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
