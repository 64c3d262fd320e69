"""Processes that outlive the command that starts them, told apart from others that get their pid later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
KILL_SECONDS = 5.0

DATA_VARIABLE = "LOCAL_CLUSTER_DATA"
"""Names the data directory in the environment of each part."""

SANDBOX_VARIABLES = ("MESOS_SANDBOX", "MESOS_DIRECTORY")
"""Name a folder below the data directory in the environment of executors, and of what they start."""


@dataclass(frozen=True)
class Process:
    """A process; ``started`` is when the kernel started it, in clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this pid now."""
        return cls(pid, _started(pid) or 0)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float, pause: Callable[[float], None] = time.sleep) -> bool:
        """Wait for its end; False when it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            pause(POLL_SECONDS)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
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
    # Popen is not to warn that it runs on: ``wait`` collects it, or init does after this command.
    child.returncode = 0
    return Process.of(child.pid)


def end_all(processes: Iterable[Process], number: int, seconds: float) -> list[Process]:
    """End processes side by side; those that the signal did not end in time, and SIGKILL did."""
    waiting = list(processes)
    for process in waiting:
        process.signal(number)
    deadline = time.monotonic() + seconds
    late = [process for process in waiting if not process.wait(max(0.0, deadline - time.monotonic()))]
    for process in late:
        process.signal(signal.SIGKILL)
    for process in late:
        process.wait(KILL_SECONDS)
    return late


def belonging_to(data: Path) -> list[Process]:
    """All processes of a data directory's cluster: its parts, executors, and what executors started."""
    marks = (f"{DATA_VARIABLE}={data}\0", *(f"{name}={data}/" for name in SANDBOX_VARIABLES))
    wanted = tuple(f"\0{mark}".encode() for mark in marks)
    return [
        Process(pid, started)
        for pid in _pids()
        if pid != os.getpid() and any(mark in _environment(pid) for mark in wanted)
        if (started := _started(pid)) is not None
    ]


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _environment(pid: int) -> bytes:
    """A process's environment, each entry between NULs; nothing for one that has ended or is another's."""
    try:
        return b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _started(pid: int) -> int | None:
    """When a process started; None when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])
