"""One maintenance task from its launch to its end: batch after batch, held back, stopped, told of."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from executor.failure import NotAnswering, Stopped
from executor.layout import Layout
from executor.maintenance.disk import free_bytes
from executor.maintenance.journal import Journal
from executor.maintenance.tally import Tally
from executor.maintenance.work import Batch, PieceFailed, Work
from executor.stop import StopOrder
from executor.updates import TELL_SECONDS, Updates
from protocol.maintenance import MaintenanceTask, Progress
from protocol.report import Failure

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
"""Between two looks at what holds the work back, and at how far it is."""


class MaintenanceRun:
    """Does what a task says; ``order`` ends it: before the next batch, or at its deadline in the middle."""

    def __init__(
        self, task: MaintenanceTask, work: Work, layout: Layout, updates: Updates, order: StopOrder
    ) -> None:
        self._task = task
        self._work = work
        self._layout = layout
        self._updates = updates
        self._order = order
        self._tally = Tally(0, 0, time.monotonic())
        self._ended = threading.Event()
        self._told: tuple[str, float] = ("", 0.0)

    def run(self) -> None:
        """Work, and tell how it went; returns when it has ended.

        Call from a thread that lives as long as its helper programs shall (see ``leash``).
        """
        sides = [threading.Thread(target=side, daemon=True) for side in (self._abort_in_time, self._follow)]
        for side in sides:
            side.start()
        try:
            self._do_all()
        except (Stopped, PieceFailed, NotAnswering, OSError) as error:
            self._end_early(error)
        else:
            self._updates.finished(f"done, {self._tally.counted}", self._progress())
        finally:
            self._ended.set()
            self._order.give(0.0)  # nobody waits for it any more
            for side in sides:
                side.join()
            self._work.close()

    def _do_all(self) -> None:
        pieces = self._work.pieces()
        journal = Journal(self._layout.maintenance, self._task.operation)
        left = [piece for piece in pieces if piece not in journal]
        self._tally = Tally(len(pieces), len(left), time.monotonic())
        while left:
            batch = self._await_way(left)
            self._tally.begins(batch.text, time.monotonic(), len(batch.keys))
            self._tell()
            batch.run()
            journal.add(batch.keys)
            self._tally.ends(time.monotonic())
            left = left[len(batch.keys) :]
            self._order.pause(self._work.rest_seconds())

    def _await_way(self, left: Sequence[str]) -> Batch:
        """The next batch, once nothing speaks against it. Raises Stopped."""
        self._order.pause(0)
        while True:
            free = free_bytes(self._layout.volume, self._task.disk_mb)
            batch = self._work.batch(left, free)
            reason = self._work.hindrance() or _lack_of_room(batch, free)
            if reason is None:
                return batch
            self._tally.waits(batch.text, reason, time.monotonic())
            self._tell()
            self._order.pause(POLL_SECONDS)

    def _end_early(self, error: Exception) -> None:
        if self._order.given:
            self._updates.killed(f"stopped with {self._tally.counted} done", self._progress())
        else:
            self._updates.failed(Failure(str(error)), self._progress())

    def _follow(self) -> None:
        """Tell how far the present batch is, while it runs."""
        while not self._ended.wait(POLL_SECONDS):
            try:
                self._tally.share = self._work.share()
            except NotAnswering as error:
                log.info("how far the batch is cannot be told: %s", error)
            self._tell()

    def _tell(self) -> None:
        progress = self._progress()
        news = f"{self._tally.message} {progress.fraction:.3f}"
        said, at = self._told
        if news != said and (not at or time.monotonic() - at >= TELL_SECONDS):
            self._told = (news, time.monotonic())
            self._updates.working(self._tally.message, progress)

    def _progress(self) -> Progress:
        return self._tally.progress(time.monotonic(), time.time())

    def _abort_in_time(self) -> None:
        self._order.wait_deadline()
        if self._ended.is_set():
            return
        log.warning("stopping in the middle of a batch")
        try:
            self._work.abort()
        except NotAnswering as error:
            log.warning("Cassandra could not be told to stop: %s", error)


def _lack_of_room(batch: Batch, free: int) -> str | None:
    if batch.needed_bytes <= free:
        return None
    return (
        f"{batch.needed_bytes / 1e6:.0f} MB of free disk for the {batch.text}: there are {free / 1e6:.0f} MB"
    )
