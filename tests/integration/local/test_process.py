"""Real processes: told apart, ended, and found again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from local.process import DATA_VARIABLE, Process, belonging_to, end_all, start
from tests.integration.scripted_server import eventually

SLEEPER = (sys.executable, "-S", "-c", "print('ready', flush=True)\nimport time\ntime.sleep(600)")
STUBBORN = (
    sys.executable,
    "-S",
    "-c",
    "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(600)",
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Starter:
    """Starts processes, waits until they have printed something, and ends them after the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._count = 0

    def __call__(self, command: tuple[str, ...], **environment: str) -> Process:
        self._count += 1
        log = self._folder / f"{self._count}.log"
        process = start(command, environment, log, self._folder)
        self._stack.callback(end_all, [process], signal.SIGKILL, 5.0)
        eventually(lambda: "ready" in log.read_text())
        return process


@pytest.fixture
def starter(tmp_path: Path, stack: ExitStack) -> Starter:
    return Starter(tmp_path, stack)


def test_a_process_is_alive_until_it_has_ended(starter: Starter) -> None:
    process = starter(SLEEPER)
    assert process.alive
    assert end_all([process], signal.SIGTERM, 10.0) == []
    assert not process.alive


def test_one_that_ignores_the_signal_is_killed_and_named(starter: Starter) -> None:
    stubborn, sleeper = starter(STUBBORN), starter(SLEEPER)
    assert end_all([stubborn, sleeper], signal.SIGTERM, 0.3) == [stubborn]
    assert not stubborn.alive
    assert not sleeper.alive


def test_a_recycled_pid_is_not_taken_for_the_process(starter: Starter) -> None:
    process = starter(SLEEPER)
    former = replace(process, started=process.started - 1)
    assert not former.alive
    former.signal(signal.SIGKILL)
    assert end_all([former], signal.SIGKILL, 0.1) == []
    assert process.alive


def test_the_remains_of_a_process_are_not_alive(stack: ExitStack) -> None:
    child = stack.enter_context(subprocess.Popen([sys.executable, "-S", "-c", ""], stdin=subprocess.DEVNULL))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not Process(child.pid, 0).alive


def test_ctrl_c_does_not_reach_a_part(starter: Starter) -> None:
    process = starter(SLEEPER)
    assert os.getsid(process.pid) == process.pid


def test_parts_and_executors_of_a_data_directory_are_found_by_their_environment(
    starter: Starter, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    part = starter(SLEEPER, **{DATA_VARIABLE: str(data)})
    executor = starter(SLEEPER, MESOS_SANDBOX=f"{data}/agent-1/slaves/s/runs/r")
    starter(SLEEPER, **{DATA_VARIABLE: f"{data}-2", "MESOS_SANDBOX": f"{data}-2/agent-1"})
    assert {process.pid for process in belonging_to(data)} == {part.pid, executor.pid}
