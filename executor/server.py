"""The life of the one server task: fetch, configure, start, watch, end."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from executor import configure, jvm
from executor.answers import Answers, Started
from executor.configure import Credentials
from executor.distribution import Depot
from executor.failure import Stopped, TaskFailed
from executor.layout import Layout
from executor.lock import Lock
from executor.logs import LogTail, has_left, last_error, last_lines
from executor.ports import check_free
from executor.process import Cassandra, ended, stopped
from executor.stop import StopOrder, Stopping
from executor.transfers.swap import swap
from executor.updates import Updates
from executor.watch import Rhythm, Watch
from protocol.codec import DecodeError
from protocol.report import Failure, NodeStatus
from protocol.task import ServerTask, decode_task

log = logging.getLogger(__name__)

LOG_TAIL_BYTES = 4000


@dataclass(frozen=True)
class Place:
    """Where a node runs: its executor's sandbox, and the agent's address, which is the node's too."""

    sandbox: Path
    address: str


class Server:
    """Runs Cassandra once, for one task."""

    def __init__(
        self, place: Place, updates: Updates, order: StopOrder, answers: Answers, rhythm: Rhythm | None = None
    ) -> None:
        self._place = place
        self._updates = updates
        self._order = order
        self._answers = answers
        self._rhythm = rhythm

    def run(self, data: bytes) -> None:
        """Do what the task's data say, and tell how it went; returns when it has ended.

        Call from a thread that lives as long as the executor: Cassandra ends with that thread.
        """
        try:
            task = decode_task(data)
            layout = Layout((self._place.sandbox / task.volume).resolve())
            layout.make()
            self._locked(task, layout)
        except Stopped:
            self._updates.killed("killed before Cassandra was started")
        except (TaskFailed, DecodeError) as error:
            self._updates.failed(Failure(str(error)))
        except OSError as error:
            self._updates.failed(Failure(f"the agent does not let Cassandra be started: {error}"))

    def _locked(self, task: ServerTask, layout: Layout) -> None:
        """Run Cassandra under the volume's lock."""
        lock = Lock(layout.lock)
        try:
            for holder in lock.take(self._order.pause):
                self._updates.starting(f"ended {holder}, left behind on the volume by an earlier executor")
            depot = Depot(layout.distributions, self._updates, self._order.pause)
            programs = depot.programs(task.distribution)
            if task.restored:
                self._updates.starting("putting the restored data in place")
                swap(layout, task.restored)
            started = Started(task, layout, self._place.address, Credentials(), programs)
            command = _prepare(started)
            tail = LogTail(layout)
            check_free(task.ports, started.address, started.bound, self._order.pause)
            self._order.pause(0)
            self._updates.starting("starting Cassandra")
            process = Cassandra(command, layout, lock)
            self._see_through(process, started, depot, tail)
        finally:
            lock.release()

    def _see_through(self, process: Cassandra, started: Started, depot: Depot, tail: LogTail) -> None:
        """Watch Cassandra to its end, which is ordered or its own doing."""
        stopping = Stopping(self._order, process, started.management())
        stopping.start()
        self._answers.ask(started)
        self._watch(started, depot)
        code = process.wait()
        if self._order.given:
            self._updates.killed(f"{stopping.drained}, {stopped(code)}")
        else:
            end = tail.read()
            self._updates.failed(_failure(code, end), status=_last_status(end))

    def _watch(self, started: Started, depot: Depot) -> None:
        def tidy() -> None:
            depot.keep_only(started.task.distribution)

        watch = Watch(started.management(), self._updates, tidy, self._rhythm)
        threading.Thread(target=watch.run, args=(self._order,), name="watch", daemon=True).start()


def _prepare(started: Started) -> list[str]:
    """Write the node's configuration; Cassandra's command line."""
    task, layout = started.task, started.layout
    configure.write_all(layout, task, started.address, started.credentials)
    return jvm.command(started.programs, task, layout, started.bound)


def _last_status(log_end: str) -> NodeStatus | None:
    """What the log tells of the node that nobody can be asked for any more: that it has left the ring."""
    if not has_left(log_end):
        return None
    return NodeStatus(mode="DECOMMISSIONED", as_of=time.time())


def _failure(code: int, log_end: str) -> Failure:
    """Why Cassandra ended. A signal leaves nothing of that in the log."""
    reason = f"Cassandra {ended(code)}"
    if code >= 0:
        reason = f"{reason}: {last_error(log_end)}"
    return Failure(reason, code, last_lines(log_end, LOG_TAIL_BYTES))
