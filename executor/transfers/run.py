"""One task of a backup, a restore, a check or a deletion, from its launch to its end."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping

from backup.damage import Damaged
from backup.location import BadLocation
from backup.s3.failure import S3Failed, Unreachable
from executor.answers import Started
from executor.backup.control import Control
from executor.failure import NotAnswering, Stopped
from executor.stop import StopOrder
from executor.transfers import bringing, checking, intake, saving
from executor.transfers.errand import Errand, Unfit
from executor.transfers.saving import Outcome
from executor.transfers.words import Words
from executor.updates import TELL_SECONDS, Updates
from protocol import backup
from protocol.backup import BackupTask
from protocol.maintenance import Progress
from protocol.report import Failure

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
PHASES: Mapping[str, Callable[[Errand], Outcome]] = {
    backup.SNAPSHOT: saving.take_snapshot,
    backup.UPLOAD: saving.upload_snapshot,
    backup.BACKUP_SCHEMA: saving.save_schema,
    backup.MANIFEST: saving.publish_manifest,
    backup.RESTORE_SCHEMA: bringing.prepare,
    backup.DOWNLOAD: bringing.bring,
    backup.RESTORE_PHASE: intake.take_in,
    backup.VERIFY_PHASE: checking.check,
    backup.DELETE_PHASE: checking.delete,
}


class TransferRun:
    """Waits for the scheduler's word, and does what the task says; ``order`` ends it at once."""

    def __init__(
        self, task: BackupTask, started: Started, updates: Updates, order: StopOrder, words: Words
    ) -> None:
        self._task = task
        self._started = started
        self._updates = updates
        self._order = order
        self._words = words
        self._control = Control()
        self._ended = threading.Event()
        self._since = time.time()
        self._told: tuple[Progress | None, float] = (None, 0.0)

    def run(self) -> None:
        """Work, and tell how it went; returns when it has ended."""
        sides = [threading.Thread(target=side, daemon=True) for side in (self._stop_in_time, self._follow)]
        for side in sides:
            side.start()
        try:
            outcome = self._do()
        except Stopped:
            self._updates.killed("stopped", self._progress())
        except (S3Failed, Damaged, BadLocation, NotAnswering, OSError, Unfit) as error:
            self._fail(error)
        else:
            self._updates.finished(
                _done(outcome), dataclasses.replace(self._progress(), fraction=1.0), outcome
            )
        finally:
            self._ended.set()
            self._order.give(0.0)  # nobody waits for it any more
            for side in sides:
                side.join()

    def _do(self) -> Outcome:
        phase = PHASES.get(self._task.phase)
        if phase is None:
            raise Unfit(f"this executor does not know the phase {self._task.phase!r}")
        self._updates.working(f"waits for {self._words.waiting_for()}", Progress())
        word = self._words.await_go(self._order)
        self._since = time.time()
        self._control.throttle.set(word.bytes_per_second)
        return phase(Errand(self._task, self._started, word, self._control))

    def _fail(self, error: Exception) -> None:
        """What a store or a backup is like stays as it is; what does not answer may answer later."""
        if self._order.given:
            self._updates.killed(f"stopped, with {error}", self._progress())
            return
        passing = isinstance(error, (Unreachable, NotAnswering, OSError))
        self._updates.failed(Failure(str(error), final=not passing), self._progress())

    def _stop_in_time(self) -> None:
        self._order.wait()
        self._control.stop()

    def _follow(self) -> None:
        """Turn the throttle as the scheduler says, and tell how far the work is."""
        while not self._ended.wait(POLL_SECONDS):
            self._control.throttle.set(self._words.last.bytes_per_second)
            progress, (told, at) = self._progress(), self._told
            if progress != told and time.monotonic() - at >= TELL_SECONDS:
                self._told = (progress, time.monotonic())
                self._updates.working(self._message(progress), progress)

    def _message(self, progress: Progress) -> str:
        if not self._words.last.go:
            return f"waits for {self._words.waiting_for()}"
        if progress.waiting_for:
            return f"tries again: {progress.waiting_for}"
        return progress.doing or self._task.phase

    def _progress(self) -> Progress:
        found = self._control.progress()
        return Progress(
            done=found.files_done,
            total=found.files_total,
            fraction=_fraction(found.bytes_done, found.bytes_total, found.files_done, found.files_total),
            doing=found.doing,
            since=self._since,
            waiting_for=found.waiting_for,
            eta_seconds=found.eta_seconds,
            bytes_done=found.bytes_done,
            bytes_total=found.bytes_total,
            files_done=found.files_done,
            files_total=found.files_total,
            bytes_per_second=found.rate,
        )


def _fraction(bytes_done: int, bytes_total: int, files_done: int, files_total: int) -> float:
    if bytes_total:
        return min(1.0, bytes_done / bytes_total)
    return min(1.0, files_done / files_total) if files_total else 0.0


def _done(outcome: Outcome) -> str:
    """How it ended, in words."""
    if outcome.get("message"):
        return f"done; {outcome['message']}"
    counts = [f"{outcome[name]} {name}" for name in ("tables", "objects", "files") if name in outcome]
    if "bytes" in outcome:
        counts.append(f"{outcome['bytes'] / 1e6:.1f} MB")
    return f"done, {', '.join(counts)}" if counts else "done"
