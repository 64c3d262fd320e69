"""What this process has done since it started, counted at the borders of the loop."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from scheduler.daemon.loop import Ledgers, Mesos
from scheduler.mesos.driver import CallFailed, CallRefused
from scheduler.model.event import Disconnected, Event, OfferRescinded, OffersReceived, Subscribed, Updated
from scheduler.model.intent import Accept, Decline, Intent, Kill, Reconcile
from scheduler.model.task import TaskUpdate
from scheduler.model.world import Ledger


@dataclass
class Counts:
    """Numbers that only grow. ``operations`` of accepted offers and ``updates`` are by their kinds."""

    offers: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    reconciliations: int = 0
    subscriptions: int = 0
    disconnections: int = 0
    failed_calls: int = 0
    writes: int = 0
    write_seconds: float = 0.0

    def happened(self, event: Event) -> None:
        """Count an event."""
        match event:
            case OffersReceived(offers):
                self.offers["received"] += len(offers)
            case OfferRescinded():
                self.offers["rescinded"] += 1
            case Updated(update):
                self.updates[update.state] += 1
            case Subscribed():
                self.subscriptions += 1
            case Disconnected():
                self.disconnections += 1

    def done(self, intent: Intent) -> None:
        """Count an intent that was carried out."""
        match intent:
            case Accept(offer_ids, operations):
                self.offers["accepted"] += len(offer_ids)
                self.operations.update(type(one).__name__.lower() for one in operations)
            case Decline(offer_ids):
                self.offers["declined"] += len(offer_ids)
            case Kill():
                self.kills += 1
            case Reconcile():
                self.reconciliations += 1


class CountingMesos:
    """Mesos, with what is sent to it counted and told to ``heard``."""

    def __init__(self, mesos: Mesos, counts: Counts, heard: Callable[[Intent], None]) -> None:
        self._mesos = mesos
        self._counts = counts
        self._heard = heard

    def perform(self, intent: Intent) -> None:
        """See ``Mesos``."""
        self._count(lambda: self._mesos.perform(intent))
        self._counts.done(intent)
        self._heard(intent)

    def acknowledge(self, update: TaskUpdate) -> None:
        """See ``Mesos``."""
        self._count(lambda: self._mesos.acknowledge(update))

    def reconnect(self) -> None:
        """See ``Mesos``."""
        self._mesos.reconnect()

    def _count(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (CallFailed, CallRefused):
            self._counts.failed_calls += 1
            raise


class CountingLedgers:
    """The store, with its writes counted and timed."""

    def __init__(self, store: Ledgers, counts: Counts) -> None:
        self._store = store
        self._counts = counts

    def load(self) -> Ledger | None:
        """See ``Ledgers``."""
        return self._store.load()

    def commit(self, before: Ledger, after: Ledger) -> None:
        """See ``Ledgers``."""
        if before is after:
            return
        began = time.perf_counter()
        self._store.commit(before, after)
        self._counts.writes += 1
        self._counts.write_seconds += time.perf_counter() - began

    def clear(self) -> None:
        """See ``Ledgers``."""
        self._store.clear()
