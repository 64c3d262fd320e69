"""Processes that outlive the command that starts them, told apart from others that get their pid later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Process:
    """A started process; ``started`` is the kernel's start time, in clock ticks since boot."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self, number: int, seconds: float) -> bool:
        """Ask it to end, and kill it when it has not in time; whether it ended by itself."""
        self.signal(number)
        if self.wait(seconds):
            return True
        self.signal(signal.SIGKILL)
        self.wait(5)
        return False

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def start(command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> Process:
    """Start a process in a session of its own, so that Ctrl-C does not reach it."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(child.pid, _started(child.pid) or 0)


def _started(pid: int) -> int | None:
    """When a process started; None when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])
