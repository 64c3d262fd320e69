"""Finding the processes of a local cluster by what they are, to end them as accidents do."""

from __future__ import annotations

from pathlib import Path


def cassandra(data: Path, agent: int) -> int:
    """The pid of the Cassandra that runs on an agent, counted from 1."""
    return _only(data, agent, "org.apache.cassandra.service.CassandraDaemon")


def executor(data: Path, agent: int) -> int:
    """The pid of the executor that runs on an agent, counted from 1."""
    return _only(data, agent, "executor.pyz")


def _only(data: Path, agent: int, mark: str) -> int:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    folder = f"{data}/agent-{agent}/".encode()
    found = [pid for pid in pids if _is(pid, folder, mark.encode())]
    assert len(found) == 1, f"{len(found)} processes of {mark} on agent-{agent}"
    return found[0]


def _is(pid: int, folder: bytes, mark: bytes) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    # An argument of its own: a shell that was told to become the program has it inside of one.
    return mark in command.split(b"\0") and folder in command + environment
