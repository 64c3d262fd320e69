"""What a process holds and spends, as the kernel counts it, and how one ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def heed_sigterm() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does: what it has started is ended before."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def started_at(pid: int) -> float:
    """When a process was started, in seconds since the epoch."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has spent, in all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """The memory that a process holds, in MB of a million bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def arguments(pid: int) -> list[str]:
    """A process's command line; nothing for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """The fields from the third one on: the second, a name, may have spaces in it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
