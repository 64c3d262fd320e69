"""A container: the sandbox, and the executor's process in it. No isolation but processes."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gevent

SUPERVISOR = Path(__file__).with_name("supervisor.py")
POLL_SECONDS = 0.05
UNKNOWN_STATUS = -1


class LaunchError(Exception):
    """The container cannot be made."""


@dataclass
class Container:
    """One run of an executor. ``pid`` is its session leader's, 0 before it was started."""

    id: str
    sandbox: Path
    run_folder: Path
    pid: int = 0

    @property
    def status_file(self) -> Path:
        """Where the supervisor writes the raw wait status."""
        return self.run_folder / "status"

    def start(self, command: list[str], environment: Mapping[str, str], user: str | None) -> None:
        """Start the executor. Raises LaunchError."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        wrapper = [sys.executable, "-I", "-S", str(SUPERVISOR), str(self.status_file)]
        with (self.sandbox / "stdout").open("ab") as out, (self.sandbox / "stderr").open("ab") as err:
            try:
                child = subprocess.Popen(
                    wrapper + command,
                    cwd=self.sandbox,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    user=user,
                )
            except OSError as error:
                raise LaunchError(f"Failed to start the executor: {error}") from error
        self.pid = child.pid

    def wait(self) -> int:
        """Wait for the end, whoever started it; the raw wait status, -1 where nobody knows it."""
        while not self.status_file.exists():
            if self.pid and not alive(self.pid):
                return self._status()
            time.sleep(POLL_SECONDS)
        return self._status()

    def _status(self) -> int:
        return int(self.status_file.read_text()) if self.status_file.exists() else UNKNOWN_STATUS

    def destroy(self) -> None:
        """End everything in it at once."""
        if self.pid and alive(self.pid):
            os.kill(self.pid, signal.SIGTERM)


def alive(pid: int) -> bool:
    """Whether a process runs; the remains of one that has ended are no process."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    if state == "Z":
        # A child of this agent: taken off the table, so that its pid may be used again.
        gevent.spawn(_reap, pid)
        return False
    return True


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def make_sandbox(path: Path, user: str | None) -> None:
    """Create a sandbox, its user's own, with ``latest`` beside it pointing there. Raises LaunchError."""
    path.mkdir(parents=True, mode=0o750)
    path.chmod(0o750)
    latest = path.parent / "latest"
    latest.unlink(missing_ok=True)
    latest.symlink_to(path)
    if user is not None:
        give_to(path, user)


def give_to(path: Path, user: str) -> None:
    """Make a user the owner. Raises LaunchError where there is no such user."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise LaunchError(f"Failed to get user information for '{user}'") from None
    os.chown(path, entry.pw_uid, entry.pw_gid)
