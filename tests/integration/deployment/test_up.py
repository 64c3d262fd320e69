"""``python -m local up`` where its scheduler does not do as wanted: it refuses its settings, or dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import belonging_to
from local.running import PROJECT
from tests.integration.conftest import LocalCluster
from tests.integration.deployment.harness import pretended_software

# A cluster that is down for a moment shall find its addresses free again.
pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.xdist_group("shared_cluster")]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    found = LocalCluster(tmp_path / "data")
    yield found
    found.down()


def settings(**values: str) -> list[str]:
    return [part for name, value in values.items() for part in ("--env", f"{name}={value}")]


def test_what_the_scheduler_refuses_is_not_remembered(cluster: LocalCluster, tmp_path: Path) -> None:
    pretended = pretended_software(tmp_path)
    invalid = cluster.command("up", "--detach", "--nodes", "1", *settings(**pretended, CASSANDRA_CPUS="many"))
    assert (invalid.returncode, "CASSANDRA_CPUS" in invalid.stderr) == (1, True)
    cluster.up("--nodes", "1", *settings(**pretended))
    cluster.down()
    immutable = cluster.command("up", "--detach", *settings(CASSANDRA_DISK_MB="5000"))
    assert immutable.returncode == 1
    assert "CASSANDRA_DISK_MB cannot change from 4096 to 5000" in immutable.stderr
    assert belonging_to(cluster.data) == []
    cluster.up()


def test_a_scheduler_that_dies_while_up_waits_may_be_started_again(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    slow = settings(**pretended_software(tmp_path), CASSANDRA_JVM_EXTRA_OPTS="-Dpretended.boot_seconds=4")
    command = [sys.executable, "-m", "local", "up", "--detach", "--json", "--data", str(cluster.data)]
    with subprocess.Popen(
        [*command, "--nodes", "1", *slow],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stderr is not None
        assert any("STARTING" in line for line in up.stderr)
        os.kill(json.loads(cluster.command("status", "--json").stdout)["pids"]["scheduler"], signal.SIGKILL)
        assert any("scheduler has ended" in line for line in up.stderr)
        assert cluster.command("start", "scheduler").returncode == 0
        told, _ = up.communicate()
    assert up.returncode == 0
    assert len(json.loads(told)["cql"]) == 1
