"""``python -m local`` as it is typed, where it does not get as far as starting anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import prerequisites
from local.running import PROJECT


def run(
    *arguments: str, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**{name: value for name, value in os.environ.items() if name != "NODES"}, **environment}
    command = [python, "-m", "local", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)


def test_without_java_it_says_so_and_exits_2(tmp_path: Path) -> None:
    done = run("up", "--data", str(tmp_path / "data"), PATH=str(tmp_path), JAVA_HOME="")
    assert done.returncode == 2
    assert done.stderr == "there is no java on the path: install Java 17, or set JAVA_HOME to where it is\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.needs("java")
def test_without_maven_it_says_so_and_exits_2(tmp_path: Path) -> None:
    java_home = str(prerequisites.java_home())
    done = run("up", "--data", str(tmp_path / "data"), PATH=str(tmp_path), JAVA_HOME=java_home)
    assert done.returncode == 2
    assert done.stderr.startswith("there is no mvn on the path: install Maven")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["up", "--nodes", "0"], "0 is not a number from 1 to 250"),
        (["up", "--nodes", "three"], "three is not a number"),
        (["up", "--api-port", "70000"], "70000 is not a number from 1 to 65535"),
        (["up", "--env", "LOG_LEVEL"], "LOG_LEVEL is not NAME=VALUE"),
        (["up", "--env", "log level=1"], "log level=1 is not NAME=VALUE"),
    ],
)
def test_arguments_that_are_not_valid_exit_2(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = run(*arguments, "--data", str(tmp_path))
    assert done.returncode == 2
    assert told in done.stderr


def test_nodes_of_the_environment_are_checked_too(tmp_path: Path) -> None:
    done = run("up", "--data", str(tmp_path), NODES="many")
    assert (done.returncode, "many is not a number" in done.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["status", "start"])
def test_verbs_on_a_cluster_that_never_was_say_so(tmp_path: Path, verb: str) -> None:
    done = run(verb, *(["master"] if verb == "start" else []), "--data", str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stderr == f"there is no cluster in {tmp_path / 'none'}: python -m local up makes one\n"


def test_down_where_nothing_is_succeeds(tmp_path: Path) -> None:
    done = run("down", "--data", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (0, f"there is no cluster in {tmp_path / 'none'}\n")
