"""Nodetool as a process: for work that may take hours, and whose end its exit code tells."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from executor.answers import Started
from executor.process import environment, leash

OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
)
OVERHEAD_MB = 192
"""What a JVM takes beside its heap."""

LEAST_HEAP_MB = 32
WORDS = 500
"""How many characters of what nodetool says are told."""


class NodetoolFailed(Exception):
    """Nodetool ended with an error; the message is what it said last."""


class Nodetool:
    """Runs one command at a time; ``abort`` may be called from any thread."""

    def __init__(self, started: Started, memory_mb: float) -> None:
        self._started = started
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._aborted = False

    def run(self, *arguments: str) -> None:
        """Run a command to its end. Raises NodetoolFailed."""
        with self._lock:
            if self._aborted:
                raise NodetoolFailed("stopped")
            self._process = self._start(arguments)
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise NodetoolFailed(_last_words(output) or f"exit code {self._process.returncode}")

    def abort(self) -> None:
        """End the running command and let no other begin."""
        with self._lock:
            self._aborted = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
        started = self._started
        return subprocess.Popen(
            [*leash(), *self._command(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=started.layout.run,
            env=environment(os.environ, started.layout),
            start_new_session=True,
        )

    def _command(self) -> list[str]:
        started = self._started
        libraries: Path = started.programs.cassandra / "lib"
        login = ["-u", started.credentials.user, "-pwf", str(started.layout.etc / "jmxremote.password")]
        where = ["-h", started.bound, "-p", str(started.task.ports.jmx)]
        return [
            started.programs.java,
            *OPTIONS,
            f"-Xmx{heap_mb(self._memory_mb)}M",
            "-cp",
            f"{libraries}/*",
            "org.apache.cassandra.tools.NodeTool",
            *where,
            *login,
        ]


def heap_mb(memory_mb: float) -> int:
    """The heap of a helper that may take so much memory in all."""
    return max(LEAST_HEAP_MB, int(memory_mb) - OVERHEAD_MB)


def _last_words(output: str) -> str:
    """The last line that says something; nodetool puts traces behind its error."""
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "--", "..."))]
    errors = [line for line in told if line.startswith(("error:", "nodetool:"))]
    return (errors or told or [""])[-1][:WORDS]
