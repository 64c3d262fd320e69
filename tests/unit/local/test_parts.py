"""What each part is started with."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

from local.parts import parts
from tests.unit.local.test_layout import LAYOUT

DATA = Path("/data")


def test_parts_are_started_in_the_order_in_which_they_need_each_other() -> None:
    assert list(parts(LAYOUT, DATA)) == [
        "zookeeper",
        "s3",
        "master",
        "agent-1",
        "agent-2",
        "agent-3",
        "scheduler",
    ]


def test_each_agent_has_its_own_address_and_folder() -> None:
    commands = [parts(LAYOUT, DATA)[f"agent-{number}"].command for number in (1, 2, 3)]
    assert [arg for command in commands for arg in command if arg.startswith("--ip=")] == [
        "--ip=127.0.1.1",
        "--ip=127.0.1.2",
        "--ip=127.0.1.3",
    ]
    assert len({arg for command in commands for arg in command if arg.startswith("--work_dir=")}) == 3


def test_agents_tell_executors_where_java_is() -> None:
    command = parts(LAYOUT, DATA)["agent-1"].command
    path = next(arg for arg in command if arg.startswith("--executor_environment_variables="))
    assert "/java/bin" in path


def test_an_agent_is_ended_so_that_its_nodes_are_drained() -> None:
    found = parts(LAYOUT, DATA)
    assert found["agent-1"].stop == signal.SIGUSR1
    assert found["scheduler"].stop == signal.SIGTERM


def test_further_settings_win_over_those_of_the_small_machine() -> None:
    layout = replace(LAYOUT, settings={"CASSANDRA_HEAP_SIZE_MB": "512", "CASSANDRA_NUM_TOKENS": "4"})
    environment = parts(layout, DATA)["scheduler"].environment
    assert environment["CASSANDRA_HEAP_SIZE_MB"] == "512"
    assert environment["CASSANDRA_NUM_TOKENS"] == "4"
