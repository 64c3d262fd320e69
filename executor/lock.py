"""The volume's lock: one Cassandra on a volume, and whoever was left behind with it is found and ended."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from executor.failure import TaskFailed

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1

Pause = Callable[[float], None]
"""Waits so many seconds; may raise to give up."""


@dataclass(frozen=True)
class Patience:
    """Seconds that a holder of the lock gets to end after a SIGTERM, and after a SIGKILL."""

    terminate: float = 20.0
    kill: float = 10.0


@dataclass(frozen=True)
class Holder:
    """A process that holds the lock."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


class Lock:
    """The lock of a volume. Cassandra inherits the open file, and holds the lock with it until it ends."""

    def __init__(self, path: Path, patience: Patience | None = None) -> None:
        self._path = path
        self._patience = patience or Patience()
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self, pause: Pause) -> list[Holder]:
        """Take the lock; processes that hold it are ended first, and returned. Raises TaskFailed."""
        ended: list[Holder] = []
        if self._try():
            return ended
        patience = self._patience
        for number, seconds in ((signal.SIGTERM, patience.terminate), (signal.SIGKILL, patience.kill)):
            ended += [holder for holder in self._end(number, seconds, pause) if holder not in ended]
            if self._try():
                return ended
        who = " and ".join(map(str, holders(self._path))) or "a process that cannot be seen from here"
        raise TaskFailed(f"{who} runs on this node's volume and cannot be ended: end it by hand")

    def release(self) -> None:
        """Close the file; the lock is free once Cassandra has closed it too."""
        os.close(self.descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _end(self, number: signal.Signals, seconds: float, pause: Pause) -> list[Holder]:
        """Send a signal to each holder once, and wait until none is left, at most so long."""
        told: list[Holder] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._try():
            for holder in holders(self._path):
                if holder not in told:
                    log.warning("%s is left behind on the volume: sending it %s", holder, number.name)
                    told.append(holder)
                    _send(holder.pid, number)
            pause(POLL_SECONDS)
        return told


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.debug("process %d has ended by itself", pid)


def holders(path: Path) -> list[Holder]:
    """Other processes that have a file open, whatever path they see it under."""
    wanted = path.stat()
    others = [pid for pid in _pids() if pid != os.getpid()]
    return [Holder(pid, _name(pid)) for pid in others if _has_open(pid, path.name, wanted)]


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _has_open(pid: int, name: str, wanted: os.stat_result) -> bool:
    try:
        return any(_is(link, name, wanted) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        # It has ended meanwhile, or is another user's and so none of ours.
        return False


def _is(link: Path, name: str, wanted: os.stat_result) -> bool:
    # The name is asked first: another file's status may take a dead file server to tell.
    return link.readlink().name == name and os.path.samestat(link.stat(), wanted)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a process"
