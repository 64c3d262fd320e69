"""Real software for the tests: ZooKeeper's jars, and one three-node cluster that tests share."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import jars, prerequisites
from local.running import PROJECT

SETTINGS = {
    # What a node misses while it is away it gets by repair alone.
    "CASSANDRA_HINTED_HANDOFF_ENABLED": "false",
    # What is read of a node at ONE shall be its own.
    "CASSANDRA_DYNAMIC_SNITCH": "false",
    # A busy machine may be slow.
    "CASSANDRA_READ_REQUEST_TIMEOUT": "30s",
    "CASSANDRA_WRITE_REQUEST_TIMEOUT": "30s",
}
"""Of the nodes that tests share."""


@dataclass(frozen=True)
class LocalCluster:
    """A data directory, and ``python -m local`` on it."""

    data: Path

    def command(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        command = [sys.executable, "-m", "local", verb, "--data", str(self.data), *arguments]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    def up(self, *arguments: str) -> dict[str, Any]:
        """Start it, wait for its plan, and say where everything is."""
        done = self.command("up", "--detach", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        places: dict[str, Any] = json.loads(done.stdout)
        return places

    def down(self) -> None:
        """Stop all of it."""
        done = self.command("down")
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def maven(tmp_path_factory: pytest.TempPathFactory) -> jars.Maven:
    """Brings jars, once a machine; for tests that are marked as needing java and mvn."""
    log = tmp_path_factory.mktemp("maven") / "maven.log"
    return jars.Maven(prerequisites.maven(), prerequisites.java_home(), log, time.sleep)


@pytest.fixture(scope="session")
def zookeeper_jars(maven: jars.Maven) -> Path:
    """The folder with ZooKeeper's jars."""
    return jars.zookeeper(maven)


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Three nodes that are up. Whoever stops a part of it starts it again."""
    yield from three_nodes(tmp_path_factory.mktemp("shared"))


def three_nodes(data: Path) -> Iterator[LocalCluster]:
    """Three nodes with the tests' settings, ended in the end."""
    cluster = LocalCluster(data)
    try:
        cluster.up("--nodes", "3", *(f"--env={name}={value}" for name, value in SETTINGS.items()))
        yield cluster
    finally:
        cluster.down()
