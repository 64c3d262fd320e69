"""Cassandra's process: bound to its executor and to the volume's lock. A small program stands in for Java."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.layout import Layout
from executor.lock import Lock, holders
from executor.process import Cassandra, ended, environment, stopped
from tests.integration.scripted_server import eventually

PROJECT = Path(__file__).parents[3]

STARTER = """\
import os, sys, time
from pathlib import Path
from executor.layout import Layout
from executor.lock import Lock
from executor.process import Cassandra
layout = Layout(Path(sys.argv[1]))
lock = Lock(layout.lock)
lock.take(time.sleep)
process = Cassandra(["/bin/sleep", "600"], layout, lock)
print(process.pid, flush=True)
process.wait()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "a volume")
    layout.volume.mkdir()
    layout.make()
    return layout


@pytest.fixture
def lock(layout: Layout) -> Iterator[Lock]:
    lock = Lock(layout.lock)
    yield lock
    lock.release()


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_its_exit_code_and_what_it_prints_are_kept(layout: Layout, lock: Lock, tmp_path: Path) -> None:
    program = script(tmp_path / "cassandra", 'echo "$1"; echo no more >&2; exit 3')
    assert Cassandra([program, "hello there"], layout, lock).wait() == 3
    assert (layout.log / "stdout.log").read_text() == "hello there\nno more\n"


def test_it_runs_in_the_volume_and_in_a_session_of_its_own(layout: Layout, lock: Lock) -> None:
    process = Cassandra(["/bin/sleep", "600"], layout, lock)
    try:
        eventually(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n", "the program")
        assert Path(f"/proc/{process.pid}/cwd").readlink() == layout.run
        assert os.getsid(process.pid) == process.pid
        # Another may be on its way to becoming a program, here and in other tests' processes.
        assert process.pid in {holder.pid for holder in holders(layout.lock)}
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL


def test_it_is_told_to_end(layout: Layout, lock: Lock) -> None:
    process = Cassandra(["/bin/sleep", "600"], layout, lock)
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    process.terminate()
    process.kill()


def test_a_program_that_is_not_there_ends_at_once(layout: Layout, lock: Lock) -> None:
    assert Cassandra(["/nowhere/java"], layout, lock).wait() == 1
    printed = (layout.log / "stdout.log").read_text()
    assert printed == "/nowhere/java cannot be run: No such file or directory\n"


def test_it_ends_when_its_executor_dies(layout: Layout) -> None:
    command = [sys.executable, "-c", STARTER, str(layout.volume)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as executor:
        assert executor.stdout is not None
        pid = int(executor.stdout.readline())
        eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "the program")
        executor.kill()
    eventually(lambda: not alive(pid), "its end")


def test_it_is_not_started_for_an_executor_that_has_died(tmp_path: Path) -> None:
    leash = PROJECT / "executor" / "leash.py"
    command = [sys.executable, "-I", str(leash), "1", "/bin/touch", str(tmp_path / "started")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "the executor has ended\n"
    assert not (tmp_path / "started").exists()


def test_what_the_agent_tells_the_executor_alone_is_not_passed_on(layout: Layout) -> None:
    own = {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "geheim",
        "LIBPROCESS_IP": "10.0.0.1",
    }
    assert environment(own, layout) == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "HOME": str(layout.run),
        "MALLOC_ARENA_MAX": "2",
    }


def test_an_end_in_words() -> None:
    assert ended(3) == "ended with exit code 3"
    assert ended(-9) == "was killed by SIGKILL"
    assert stopped(143) == "stopped with exit code 143"
    assert stopped(-9) == "killed by SIGKILL"
    assert stopped(-99) == "killed by signal 99"
