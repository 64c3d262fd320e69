"""Cassandra's process: in a session of its own, bound to the executor's life and to the volume's lock."""

from __future__ import annotations

import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from executor.layout import Layout
from executor.lock import Lock

OWN_INTERPRETER = "/proc/self/exe"
OF_THE_AGENT = ("MESOS_", "LIBPROCESS_")
"""Variables that are the executor's alone; one of them is its token."""


class Cassandra:
    """A running Cassandra."""

    def __init__(self, command: Sequence[str], layout: Layout, lock: Lock) -> None:
        """Start it. Call from a thread that lives as long as the executor (see ``leash``)."""
        with (layout.log / "stdout.log").open("wb") as output:
            self._process = subprocess.Popen(
                [*leash(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=layout.run,
                env=environment(os.environ, layout),
                start_new_session=True,
                pass_fds=(lock.descriptor,),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal. For one thread."""
        return self._process.wait()

    def terminate(self) -> None:
        """Ask it to end, from any thread."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()


def leash() -> list[str]:
    """What to put before a command so that it ends with the thread that starts it."""
    source = pkgutil.get_data("executor", "leash.py")
    if source is None:
        raise FileNotFoundError("the executor's bundle lacks executor/leash.py")
    # -S: without site-packages it is there in half the time.
    return [sys.executable or OWN_INTERPRETER, "-I", "-S", "-c", source.decode(), str(os.getpid())]


def environment(own: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Cassandra's environment: the executor's, without what the agent tells the executor alone."""
    passed = {name: value for name, value in own.items() if not name.startswith(OF_THE_AGENT)}
    return {**passed, "HOME": str(layout.run), "MALLOC_ARENA_MAX": "2"}


def ended(code: int) -> str:
    """How a process ended by itself, in words."""
    return f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def stopped(code: int) -> str:
    """How a process ended that was told to, in words."""
    return f"killed by {_signal_name(-code)}" if code < 0 else f"stopped with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
