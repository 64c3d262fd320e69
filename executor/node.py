"""The executor's part in Mesos: takes the agent's calls, runs the server task, and ends with it.

The first task is the server task; those that come while it runs are maintenance tasks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from executor.answers import Answers
from executor.maintenance import replies as maintenance
from executor.maintenance.desk import Desk
from executor.server import Place, Server
from executor.stop import MARGIN_SECONDS, StopOrder
from executor.transfers.replies import replies
from executor.updates import Updates
from protocol.report import Failure

log = logging.getLogger(__name__)

DEFAULT_GRACE_SECONDS = 300.0
"""For a kill that names none."""

FLUSH_SECONDS = 1.0


class Driver(Protocol):
    """What is needed of the executor's driver."""

    def run(self) -> None:
        """Keep in touch with the agent until stopped."""

    def update(self, task_id: str, state: str, message: str = "", data: bytes = b"") -> None:
        """Tell of a task's state."""

    def send(self, data: bytes) -> None:
        """Send a message to the scheduler."""

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until all updates have been taken."""

    def stop(self) -> None:
        """Let the driver end."""


class Node:
    """Takes the agent's calls, which must not block, and does the work on the thread of ``run``."""

    def __init__(
        self, place: Place, shutdown_grace_seconds: float, connect: Callable[[Node], Driver]
    ) -> None:
        """``connect`` makes the driver, which calls this node as soon as it runs."""
        self._place = place
        self._shutdown_grace = shutdown_grace_seconds
        self._driver = connect(self)
        self._answers = Answers(self._driver, self._doing)
        self._desk = Desk(self._driver, self._answers.started)
        started = self._answers.started
        for subject, answer in {**replies(self._desk, started), **maintenance.replies(started)}.items():
            self._answers.also(subject, answer)
        self._order = StopOrder()
        self._called = threading.Event()
        self._shut_down = threading.Event()
        self._updates: Updates | None = None
        self._data = b""

    def run(self) -> None:
        """Wait for the task and run it, until it has ended and the agent knows. For the main thread."""
        threading.Thread(target=self._connect, name="mesos", daemon=True).start()
        self._called.wait()
        if self._updates is not None:
            self._serve(self._updates)
        self._desk.stop()
        self._desk.join()
        self._flush()
        self._driver.stop()

    def _connect(self) -> None:
        try:
            self._driver.run()
        except Exception:
            log.exception("the connection to the agent has ended by an error")
        finally:
            # Nobody could end Cassandra any more, or hear of it.
            self.shutdown()

    def _serve(self, updates: Updates) -> None:
        try:
            Server(self._place, updates, self._order, self._answers).run(self._data)
        except Exception as error:
            log.exception("the task has ended by an error")
            updates.failed(Failure(f"the executor has failed: {error!r}"))

    def _flush(self) -> None:
        """Wait for the agent to have every update; it may be restarting, and says so by a shutdown if not."""
        while not self._driver.flush(FLUSH_SECONDS):
            if self._shut_down.is_set() and not self._driver.flush(MARGIN_SECONDS / 2):
                log.warning("ending, with updates that the agent has not taken")
                return

    def _doing(self) -> str:
        return self._updates.said if self._updates else "no task was launched"

    # The agent's calls; see ``executor.driver.Callbacks``.

    def launch(self, task_id: str, data: bytes) -> None:
        """Run the server task, or a maintenance task on its node."""
        if self._updates is not None:
            self._desk.launch(task_id, data)
            return
        self._updates, self._data = Updates(self._driver, task_id), data
        self._called.set()

    def kill(self, task_id: str, grace_seconds: float | None) -> None:
        """Drain and stop; or end a maintenance task."""
        grace = DEFAULT_GRACE_SECONDS if grace_seconds is None else grace_seconds
        if self._updates is not None and task_id == self._updates.task_id:
            self._stop(grace)
        elif not self._desk.kill(task_id, grace):
            log.warning("a kill of %s, which was not launched here", task_id)

    def message(self, data: bytes) -> None:
        """Answer a question."""
        self._answers.take(data)

    def shutdown(self) -> None:
        """Drain and stop; end without a task."""
        self._shut_down.set()
        self._stop(self._shutdown_grace)
        self._called.set()

    def _stop(self, grace_seconds: float) -> None:
        self._desk.stop()
        if self._updates is not None:
            self._updates.killing("stopping Cassandra")
        self._order.give(grace_seconds)
