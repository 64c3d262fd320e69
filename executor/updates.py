"""What is told of the task: states that only go forward, whichever thread tells them."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from protocol.codec import Json
from protocol.maintenance import Progress
from protocol.report import Failure, NodeStatus, Report, encode_report

log = logging.getLogger(__name__)

STARTING, RUNNING, KILLING = "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"
FINISHED, FAILED, KILLED = "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED"
RANK = {STARTING: 1, RUNNING: 2, KILLING: 3, FINISHED: 4, FAILED: 4, KILLED: 4}
LAST = 4

TELL_SECONDS = 5.0
"""The least time between two tellings of a task's progress: the scheduler stores each."""


class Driver(Protocol):
    """What sends updates."""

    def update(self, task_id: str, state: str, message: str = "", data: bytes = b"") -> None:
        """Tell of a task's state."""


class Updates:
    """The status updates of one task. What comes too late is left out: nothing follows the end."""

    def __init__(self, driver: Driver, task_id: str) -> None:
        self.task_id = task_id
        self._driver = driver
        # Not a plain lock: a signal's handler may tell something while its thread is telling.
        self._lock = threading.RLock()
        self._rank = 0
        self._said = "the executor starts"

    @property
    def said(self) -> str:
        """The last message."""
        return self._said

    def starting(self, message: str) -> None:
        """Cassandra is being made ready."""
        self._tell(STARTING, message, Report())

    def running(self, message: str, status: NodeStatus) -> None:
        """Cassandra runs, and has answered this."""
        self._tell(RUNNING, message, Report(status))

    def killing(self, message: str) -> None:
        """The end has begun, as ordered."""
        self._tell(KILLING, message, Report())

    def killed(self, message: str, progress: Progress | None = None) -> None:
        """The end has come, as ordered."""
        self._tell(KILLED, message, Report(progress=progress))

    def failed(
        self, failure: Failure, progress: Progress | None = None, status: NodeStatus | None = None
    ) -> None:
        """The end has come by itself; ``status`` where more is known of the node than that."""
        self._tell(FAILED, failure.reason, Report(status, failure, progress))

    def working(self, message: str, progress: Progress) -> None:
        """A maintenance task is so far."""
        self._tell(RUNNING, message, Report(progress=progress))

    def finished(self, message: str, progress: Progress, outcome: Json = None) -> None:
        """A maintenance task has done all that it was to do; ``outcome`` is what later ones need."""
        self._tell(FINISHED, message, Report(progress=progress, outcome=outcome))

    def _tell(self, state: str, message: str, report: Report) -> None:
        with self._lock:
            if self._rank == LAST or RANK[state] < self._rank:
                return
            self._rank, self._said = RANK[state], message
            log.info("%s: %s", state, message)
            data = b"" if report == Report() else encode_report(report)
            self._driver.update(self.task_id, state, message, data)
