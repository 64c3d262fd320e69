"""The order to end, and carrying it out: drain, ask, force."""

from __future__ import annotations

import logging
import math
import threading
import time

from executor.failure import NotAnswering, Stopped
from executor.management import Management
from executor.process import Cassandra

log = logging.getLogger(__name__)

MARGIN_SECONDS = 2.0
"""What is left of the grace for the last update, after Cassandra was killed."""

DRAIN_SHARE = 0.7
"""How much of the time may go into draining: Cassandra drains once more when it is asked to end."""


class StopOrder:
    """Whether, and by when, the task has to end. Set by the agent's calls, seen by all threads."""

    def __init__(self) -> None:
        # Conditions stand on a reentrant lock: a signal's handler may give the order.
        self._changed = threading.Condition()
        self._deadline = math.inf

    def give(self, grace_seconds: float) -> None:
        """Order the end. A later order may shorten the time, but not lengthen it."""
        left = grace_seconds - min(MARGIN_SECONDS, grace_seconds / 2)
        with self._changed:
            self._deadline = min(self._deadline, time.monotonic() + left)
            self._changed.notify_all()

    @property
    def given(self) -> bool:
        """Whether the task has to end."""
        return self._deadline < math.inf

    @property
    def seconds_left(self) -> float:
        """The time until Cassandra is killed; infinite without an order."""
        return max(self._deadline - time.monotonic(), 0.0)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the order, at most so long; whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self.given, seconds)

    def wait_deadline(self) -> None:
        """Wait until the time of the order is over."""
        with self._changed:
            while left := self.seconds_left:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))

    def pause(self, seconds: float) -> None:
        """Wait so many seconds. Raises Stopped when the order has come, or comes meanwhile."""
        if self.given or (seconds and self.wait(seconds)):
            raise Stopped


class Stopping:
    """Ends a running Cassandra when it is ordered: drains it, asks it to end, kills it at the deadline."""

    def __init__(self, order: StopOrder, process: Cassandra, management: Management) -> None:
        """``management`` is for this alone."""
        self._order = order
        self._process = process
        self._management = management
        self.drained = "not drained"
        """What came of draining, in words."""

    def start(self) -> None:
        """Wait for the order, in the background."""
        threading.Thread(target=self._end, name="stop", daemon=True).start()
        threading.Thread(target=self._end_by_force, name="kill", daemon=True).start()

    def _end(self) -> None:
        self._order.wait()
        try:
            self._drain()
        finally:
            self._process.terminate()

    def _drain(self) -> None:
        begun = time.monotonic()
        try:
            # A node that hangs would not drain either, and asking briefly leaves more time for its end.
            self._management.status()
            self._management.drain(self._order.seconds_left * DRAIN_SHARE)
            self.drained = f"drained in {time.monotonic() - begun:.1f} s"
        except NotAnswering as error:
            self.drained = f"not drained ({error})"
        log.info("%s", self.drained)

    def _end_by_force(self) -> None:
        self._order.wait_deadline()
        log.warning("the time to stop is over: killing Cassandra")
        self._process.kill()
