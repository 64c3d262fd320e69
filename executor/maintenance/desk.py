"""Takes the maintenance tasks of an executor, one at a time, beside its server task."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from executor.answers import Started
from executor.failure import NotAnswering
from executor.maintenance.repair import RepairWork
from executor.maintenance.run import MaintenanceRun
from executor.maintenance.tables import COMMANDS, TableWork
from executor.maintenance.work import Work
from executor.stop import StopOrder
from executor.transfers.run import TransferRun
from executor.transfers.words import Words
from executor.updates import Driver, Updates
from protocol.backup import BackupTask, Word
from protocol.codec import DecodeError
from protocol.maintenance import REPAIR, MaintenanceTask
from protocol.report import Failure
from protocol.task import decode_work

log = logging.getLogger(__name__)


class Desk:
    """``started`` gives the running Cassandra; it raises NotAnswering where there is none."""

    def __init__(self, driver: Driver, started: Callable[[], Started]) -> None:
        self._driver = driver
        self._started = started
        self._present: tuple[str, StopOrder, threading.Thread] | None = None
        self._words: tuple[str, Words] | None = None

    def launch(self, task_id: str, data: bytes) -> None:
        """Begin a task in the background."""
        updates = Updates(self._driver, task_id)
        if self._present is not None and self._present[2].is_alive():
            updates.failed(Failure(f"another maintenance task runs on this node: {self._present[0]}"))
            return
        order = StopOrder()
        thread = threading.Thread(target=self._run, args=(data, updates, order), daemon=True)
        self._present = (task_id, order, thread)
        thread.start()

    def word(self, word: Word) -> None:
        """Hand the scheduler's word to the task that it names. Raises NotAnswering."""
        if self._words is None or self._words[0] != word.task:
            raise NotAnswering(f"the task {word.task} does not run here, or not yet")
        self._words[1].give(word)

    def kill(self, task_id: str, grace_seconds: float) -> bool:
        """Have a task end: when its present piece is done, or in the middle of it after so long.

        False where that task is none of these.
        """
        if self._present is None or self._present[0] != task_id:
            return False
        self._present[1].give(grace_seconds)
        return True

    def stop(self) -> None:
        """Have the present task end at once, as the node is going to."""
        if self._present is not None:
            self._present[1].give(0.0)

    def join(self) -> None:
        """Wait until the present task has told how it ended."""
        if self._present is not None:
            self._present[2].join()

    def _run(self, data: bytes, updates: Updates, order: StopOrder) -> None:
        try:
            task, cassandra = decode_work(data), self._started()
            if isinstance(task, BackupTask):
                words = Words(task.own_credentials)
                self._words = (updates.task_id, words)
                TransferRun(task, cassandra, updates, order, words).run()
            else:
                MaintenanceRun(task, _work(task, cassandra), cassandra.layout, updates, order).run()
        except (DecodeError, NotAnswering) as error:
            updates.failed(Failure(str(error)))
        except Exception as error:
            log.exception("a maintenance task has ended by an error")
            updates.failed(Failure(f"the executor has failed: {error!r}"))
        finally:
            self._words = None


def _work(task: MaintenanceTask, started: Started) -> Work:
    if task.kind == REPAIR:
        return RepairWork(task, started)
    if task.kind in COMMANDS:
        return TableWork(task, started)
    raise DecodeError(f"this executor does not know maintenance of the kind {task.kind!r}")
