"""The volume's lock between real processes, and ending who was left behind with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from executor.failure import Stopped, TaskFailed
from executor.lock import Holder, Lock, Patience, holders
from tests.integration.scripted_server import eventually

PATIENCE = Patience(terminate=0.5, kill=10.0)

HOLD = """\
import fcntl, signal, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
time.sleep(600)
"""


def poll(seconds: float) -> None:
    """Waits hardly at all: the test's processes are quick."""
    os.sched_yield()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def hold(path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process that holds the lock, ``deaf`` to SIGTERM or not."""
    with ExitStack() as stack:

        def start(how: str = "polite") -> subprocess.Popen[bytes]:
            command = [sys.executable, "-I", "-c", HOLD, str(path), how]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            return process

        yield start


def test_a_free_lock_is_taken_and_given_back(path: Path) -> None:
    first = Lock(path)
    assert first.take(poll) == []
    assert first.take(poll) == [], "who has it may ask again"
    first.release()
    second = Lock(path)
    assert second.take(poll) == []
    second.release()


def test_who_was_left_behind_is_ended_and_named(
    path: Path, hold: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = hold()
    lock = Lock(path)
    (ended,) = lock.take(poll)
    assert ended.pid == process.pid
    assert str(ended) == f"{ended.name} (process {process.pid})"
    assert ended.name.startswith("python")
    assert process.wait(60) == -signal.SIGTERM
    lock.release()


def test_who_does_not_end_is_killed(path: Path, hold: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = hold("deaf")
    lock = Lock(path, PATIENCE)
    assert [holder.pid for holder in lock.take(poll)] == [process.pid]
    assert process.wait(60) == -signal.SIGKILL
    lock.release()


def test_who_hangs_is_killed(path: Path, hold: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = hold()
    process.send_signal(signal.SIGSTOP)
    # Of two pending signals the lower number would come first, and end it before it stops.
    eventually(lambda: _state(process) == "T")
    lock = Lock(path, PATIENCE)
    lock.take(poll)
    assert process.wait(60) == -signal.SIGKILL
    lock.release()


def _state(process: subprocess.Popen[bytes]) -> str:
    """The kernel's letter for it: T once it is stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_lock_stays_with_a_child_after_its_parent_let_go(path: Path) -> None:
    lock = Lock(path)
    lock.take(poll)
    sleep = [sys.executable, "-I", "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleep, pass_fds=(lock.descriptor,))
    lock.release()
    try:
        eventually(lambda: [holder.pid for holder in holders(path)] == [child.pid], "the child as holder")
        again = Lock(path)
        assert [holder.pid for holder in again.take(poll)] == [child.pid]
        again.release()
    finally:
        child.kill()
        child.wait(60)


def test_other_files_of_that_name_do_not_count(
    path: Path, hold: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = hold()
    elsewhere = tmp_path / "other" / "lock"
    elsewhere.parent.mkdir()
    elsewhere.touch()
    assert holders(elsewhere) == []
    assert holders(path) == [Holder(process.pid, holders(path)[0].name)]


def test_a_file_under_another_path_counts(
    path: Path, hold: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = hold()
    (tmp_path / "link").symlink_to(tmp_path)
    assert [holder.pid for holder in holders(tmp_path / "link" / "lock")] == [process.pid]


def test_who_cannot_be_ended_is_named(
    path: Path, hold: Callable[..., subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = hold()
    monkeypatch.setattr("executor.lock._send", lambda pid, number: None)
    lock = Lock(path, Patience(terminate=0.01, kill=0.01))
    with pytest.raises(
        TaskFailed, match=rf"\(process {process.pid}\) runs on this node's volume and cannot be"
    ):
        lock.take(poll)
    lock.release()


def test_the_wait_can_be_broken_off(path: Path, hold: Callable[..., subprocess.Popen[bytes]]) -> None:
    def stop(seconds: float) -> None:
        raise Stopped

    hold("deaf")
    lock = Lock(path)
    with pytest.raises(Stopped):
        lock.take(stop)
    lock.release()
