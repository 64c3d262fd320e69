"""The session leader of a container: starts the executor, outlives the agent, notes how the executor ended.

Run as a script of its own, with nothing but the standard library: STATUS_FILE COMMAND [ARGUMENT...].
Everything that the executor has started is its descendant, for orphans fall to this process; all of it
ends with the executor, as in a container of its own. SIGTERM ends the container at once.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main(status_file: str, command: list[str]) -> None:
    """Run the command and write its raw wait status, once everything that it started has ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.execvp(command[0], command)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = _wait_for(child)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while _kill_descendants():
        _reap()
    temporary = Path(status_file + ".new")
    temporary.write_text(str(status))
    temporary.replace(status_file)


def _wait_for(child: int) -> int:
    """Reap whatever ends until it is the child."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def _kill_descendants() -> bool:
    """Whether there was anybody to kill."""
    found = descendants(os.getpid())
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return bool(found)


def _reap() -> None:
    try:
        os.wait()
    except ChildProcessError:
        return


def descendants(root: int) -> list[int]:
    """Every process below another."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parents.setdefault(_parent(entry), []).append(int(entry.name))
    found: list[int] = []
    todo = [root]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
