"""A task from its launch to its end, with work that the tests make up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from executor.failure import NotAnswering
from executor.layout import Layout
from executor.maintenance import run
from executor.maintenance.run import MaintenanceRun
from executor.maintenance.work import Batch, PieceFailed
from executor.stop import StopOrder
from executor.updates import Updates
from protocol.maintenance import CLEANUP, MaintenanceTask
from tests.integration.scripted_server import eventually
from tests.unit.executor.examples import RecordingDriver


class MadeUpWork:
    """Pieces that are noted; one may fail, or last until it is aborted. So many are done together."""

    def __init__(
        self, count: int = 3, fails: int | None = None, lasts: int | None = None, together: int = 1
    ) -> None:
        self.done: list[int] = []
        self.aborted = threading.Event()
        self.begun = threading.Event()
        self.closed = False
        self.needed = 0
        self.reasons: list[str] = []
        self._count, self._fails, self._lasts, self._together = count, fails, lasts, together

    def pieces(self) -> Sequence[str]:
        return [str(number) for number in range(self._count)]

    def batch(self, left: Sequence[str], free_bytes: int) -> Batch:
        keys = left[: self._together]
        return Batch(keys, f"piece {keys[0]}", lambda: self._run([int(key) for key in keys]), self.needed)

    def _run(self, numbers: list[int]) -> None:
        if self._fails in numbers:
            raise PieceFailed("the node's own words")
        if self._lasts in numbers:
            self.begun.set()
            assert self.aborted.wait(30)
            raise PieceFailed("stopped in the middle")
        self.done += numbers

    def hindrance(self) -> str | None:
        return self.reasons.pop(0) if self.reasons else None

    def rest_seconds(self) -> float:
        return 0.0

    def share(self) -> float:
        return 0.0

    def abort(self) -> None:
        self.aborted.set()

    def close(self) -> None:
        self.closed = True


class Bench:
    """A volume, a driver that records, and tasks of one operation."""

    def __init__(self, volume: Path, disk_mb: float = 1e6) -> None:
        self.layout = Layout(volume)
        self.layout.make()
        self.driver = RecordingDriver()
        self.order = StopOrder()
        self.disk_mb = disk_mb

    def start(self, work: MadeUpWork) -> MaintenanceRun:
        self.order = StopOrder()
        task = MaintenanceTask("node-0", "op", CLEANUP, {}, 512, self.disk_mb)
        return MaintenanceRun(task, work, self.layout, Updates(self.driver, "t"), self.order)

    @property
    def last(self) -> tuple[str, str]:
        _, state, message = self.driver.updates[-1]
        return state, message


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(run, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(run, "TELL_SECONDS", 0.0)
    return Bench(tmp_path)


def test_all_pieces_are_done_in_order_and_the_task_finishes(bench: Bench) -> None:
    work = MadeUpWork()
    bench.start(work).run()
    assert work.done == [0, 1, 2]
    assert bench.last == ("TASK_FINISHED", "done, 3 of 3")
    assert work.closed


def test_a_failed_piece_fails_the_task_in_the_nodes_words_and_the_next_task_goes_on_there(
    bench: Bench,
) -> None:
    first = MadeUpWork(fails=1)
    bench.start(first).run()
    assert bench.last == ("TASK_FAILED", "the node's own words")
    second = MadeUpWork()
    bench.start(second).run()
    assert (first.done, second.done) == ([0], [1, 2])
    assert bench.last == ("TASK_FINISHED", "done, 3 of 3")


def test_of_pieces_that_are_done_together_none_counts_when_one_fails(bench: Bench) -> None:
    first = MadeUpWork(count=5, together=2, fails=3)
    bench.start(first).run()
    second = MadeUpWork(count=5, together=2)
    bench.start(second).run()
    assert (first.done, second.done) == ([0, 1], [2, 3, 4])
    assert bench.last == ("TASK_FINISHED", "done, 5 of 5")


def test_an_order_with_time_lets_the_present_piece_finish(bench: Bench) -> None:
    work = MadeUpWork()
    task = bench.start(work)
    bench.order.give(600.0)
    task.run()
    assert work.done == []
    assert not work.aborted.is_set()
    assert bench.last == ("TASK_KILLED", "stopped with 0 of 3 done")


def test_an_order_without_time_ends_the_present_piece(bench: Bench) -> None:
    work = MadeUpWork(lasts=1)
    thread = threading.Thread(target=bench.start(work).run)
    thread.start()
    assert work.begun.wait(30)
    bench.order.give(0.0)
    thread.join(30)
    assert work.done == [0]
    assert bench.last == ("TASK_KILLED", "stopped with 1 of 3 done")


def test_what_holds_the_work_back_is_told_until_it_is_over(bench: Bench) -> None:
    work = MadeUpWork(count=1)
    work.reasons = ["a node to be up again"]
    bench.start(work).run()
    messages = [message for _, _, message in bench.driver.updates]
    assert "0 of 1 done; waits for a node to be up again" in messages
    assert work.done == [0]


def test_a_piece_waits_while_the_volume_has_no_room_for_it(bench: Bench) -> None:
    bench.disk_mb = 10.0
    work = MadeUpWork(count=1)
    work.needed = 20 * 2**20
    thread = threading.Thread(target=bench.start(work).run)
    thread.start()
    eventually(lambda: any("MB of free disk for the piece 0" in text for _, _, text in bench.driver.updates))
    assert work.done == []
    work.needed = 2**20
    thread.join(30)
    assert bench.last[0] == "TASK_FINISHED"


def test_a_node_that_cannot_be_asked_what_there_is_to_do_fails_the_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> Sequence[str]:
        raise NotAnswering("Cassandra has not answered within 2.0 s")

    work = MadeUpWork()
    monkeypatch.setattr(work, "pieces", silent)
    bench.start(work).run()
    assert bench.last == ("TASK_FAILED", "Cassandra has not answered within 2.0 s")


def test_the_end_tells_how_far_it_came(bench: Bench) -> None:
    bench.start(MadeUpWork(fails=2)).run()
    progress = bench.driver.reports[-1].progress
    assert progress is not None
    assert (progress.done, progress.total) == (2, 3)
