"""Cassandra's process: one on a volume, ended with its executor, found when left behind."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from executor.failure import TaskFailed
from executor.layout import Layout

log = logging.getLogger(__name__)

LEFT_BEHIND_SECONDS = 20.0
TERMINATE_SECONDS = 10.0
POLL_SECONDS = 0.1

DIES_WITH_PARENT = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    sys.exit("the executor has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes Cassandra, after it has asked the kernel for a SIGTERM when the executor dies.

prctl concerns the *thread* that starts this, so that one has to live as long as Cassandra.
"""


class Lock:
    """The volume's lock. It is held as long as any process has the file open that this one opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self) -> list[int]:
        """Take the lock; whoever was left behind with it is ended. Returns their pids. Raises TaskFailed."""
        ended: list[int] = []
        deadline = time.monotonic() + LEFT_BEHIND_SECONDS
        while not self._try():
            for pid in holders(self._path):
                ended += [] if pid in ended else [pid]
                late = time.monotonic() > deadline - LEFT_BEHIND_SECONDS + TERMINATE_SECONDS
                _signal(pid, signal.SIGKILL if late else signal.SIGTERM)
            if time.monotonic() > deadline:
                raise TaskFailed(f"process {ended} holds the volume's lock and cannot be ended")
            time.sleep(POLL_SECONDS)
        return ended

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Close the file; the lock is free once Cassandra has closed it too."""
        os.close(self.descriptor)


def holders(path: Path) -> list[int]:
    """The pids of other processes that have a file open."""
    wanted = path.resolve()
    return [pid for pid in _pids() if pid != os.getpid() and wanted in _open_files(pid)]


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _open_files(pid: int) -> set[Path]:
    try:
        return {link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        # It has ended meanwhile, or is another user's and so none of ours.
        return set()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.debug("process %d has ended by itself", pid)


class Cassandra:
    """A running Cassandra, in a session of its own."""

    def __init__(self, command: Sequence[str], layout: Layout, lock: Lock) -> None:
        """Start it. Call from a thread that lives as long as the executor."""
        environment = {**os.environ, "HOME": str(layout.home), "MALLOC_ARENA_MAX": "2"}
        wrapper = [sys.executable, "-I", "-S", "-c", DIES_WITH_PARENT, str(os.getpid())]
        self._output = layout.log / "stdout.log"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*wrapper, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=layout.volume,
                env=environment,
                start_new_session=True,
                pass_fds=(lock.descriptor,),
            )
        self.started_at = time.time()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def terminate(self, seconds: float) -> int:
        """End it, at the latest by SIGKILL after so many seconds; the exit code."""
        self._process.terminate()
        try:
            return self._process.wait(max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def log_tail(layout: Layout, most_bytes: int = 4000) -> str:
    """The last lines of Cassandra's log, or of what it printed where that is all there is."""
    for name in ("system.log", "stdout.log"):
        path = layout.log / name
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - most_bytes))
                return file.read().decode(errors="replace")
    return ""


def last_error(tail: str) -> str:
    """The last line that tells of an error, else the last line."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "Exception", "Error", "Caused by"))]
    return (errors or lines or [""])[-1][:300]
