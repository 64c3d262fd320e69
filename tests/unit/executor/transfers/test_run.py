"""A task of a backup from its word to its end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from backup.s3.failure import Unreachable, WrongKey
from executor.answers import Started
from executor.configure import Credentials
from executor.distribution import Programs
from executor.layout import Layout
from executor.stop import StopOrder
from executor.transfers import run as running
from executor.transfers.errand import Errand, Unfit
from executor.transfers.run import TransferRun
from executor.transfers.words import Words
from executor.updates import Updates
from protocol.backup import BackupTask, Keys, Place, Word
from tests.unit.executor.examples import RecordingDriver, a_task

TASK = BackupTask("node-0", "7d0c", "backup", "Upload", "nightly", Place("s3://bucket"), 1000.0)
WORD = Word("t", go=True, keys=Keys("canary-access", "canary-secret"), bytes_per_second=5.0)


class Ran:
    """A run on a thread, and what it tells."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: Any) -> None:
        monkeypatch.setattr(running, "PHASES", {"Upload": do})
        self.driver = RecordingDriver()
        self.order = StopOrder()
        self.words = Words(own_credentials=False)
        started = Started(a_task(), Layout(tmp_path), "127.0.0.1", Credentials(), cast(Programs, None))
        updates = Updates(self.driver, "t")
        run = TransferRun(TASK, started, updates, self.order, self.words)
        self.thread = threading.Thread(target=run.run)
        self.thread.start()

    def end(self) -> tuple[str, str]:
        self.thread.join(30)
        assert not self.thread.is_alive()
        _, state, message = self.driver.updates[-1]
        return state, message


def test_it_waits_for_its_word_and_tells_what_it_has_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Errand] = []

    def do(errand: Errand) -> dict[str, Any]:
        seen.append(errand)
        return {"files": 7, "bytes": 2_000_000}

    ran = Ran(tmp_path, monkeypatch, do)
    ran.words.give(WORD)
    assert ran.end() == ("TASK_FINISHED", "done, 7 files, 2.0 MB")
    assert ran.driver.messages[0].startswith("waits for ")
    assert ran.driver.reports[-1].outcome == {"files": 7, "bytes": 2_000_000}
    assert seen[0].word.keys == WORD.keys
    assert "canary" not in str(ran.driver.updates) + str(ran.driver.reports)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (WrongKey("no such key"), True),
        (Unfit("no"), True),
        (Unreachable("away"), False),
        (OSError(5, "x"), False),
    ],
)
def test_what_would_fail_again_just_so_is_told_to_be_final(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, final: bool
) -> None:
    def do(errand: Errand) -> dict[str, Any]:
        raise error

    ran = Ran(tmp_path, monkeypatch, do)
    ran.words.give(WORD)
    assert ran.end() == ("TASK_FAILED", str(error))
    failure = ran.driver.reports[-1].failure
    assert failure is not None
    assert failure.final == final


def test_a_stop_ends_it_before_its_word_and_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def do(errand: Errand) -> dict[str, Any]:
        begun.set()
        while True:
            errand.control.pause(0.01)

    for word in (None, WORD):
        ran = Ran(tmp_path, monkeypatch, do)
        if word is not None:
            ran.words.give(word)
            assert begun.wait(30)
        ran.order.give(0.0)
        assert ran.end() == ("TASK_KILLED", "stopped")
