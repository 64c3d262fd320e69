"""The whole of it, as ``make run`` does it, with a Cassandra that answers CQL."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cassandra.cluster import Cluster as Driver
from cassandra.cluster import Session

from local.process import belonging_to
from local.running import PROJECT
from tests.integration.conftest import LocalCluster

# A cluster that is down for a moment shall find its addresses free again.
pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.xdist_group("shared_cluster")]


@contextmanager
def session(cql: list[str]) -> Iterator[Session]:
    """A CQL session with nodes given as host:port."""
    hosts = [node.rpartition(":")[0] for node in cql]
    driver = Driver(hosts, protocol_version=5)
    try:
        yield driver.connect()
    finally:
        driver.shutdown()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster of its own for a test, ended after it."""
    found = LocalCluster(tmp_path / "data")
    yield found
    found.down()


def agent_ids(data: Path) -> list[Path]:
    return [(data / f"agent-{number}" / "meta/slaves/latest").readlink() for number in (1, 2, 3)]


def volumes(data: Path) -> list[Path]:
    return sorted(data.glob("agent-*/volumes/roles/*/*"))


def test_three_nodes_form_one_cluster(shared_cluster: LocalCluster) -> None:
    places = shared_cluster.up()
    assert len(places["cql"]) == len(places["agents"]) == 3
    with session(places["cql"]) as cql:
        peers = list(cql.execute("SELECT peer FROM system.peers_v2"))
    assert len(peers) == 2


def test_status_tells_of_each_part(shared_cluster: LocalCluster) -> None:
    done = shared_cluster.command("status", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert set(told["parts"].values()) == {"up"}
    assert told["plan"]["complete"]
    assert set(told["pids"]) == {"zookeeper", "s3", "master", "agent-1", "agent-2", "agent-3", "scheduler"}


def test_a_running_cluster_is_not_changed_by_another_up(shared_cluster: LocalCluster) -> None:
    done = shared_cluster.command("up", "--detach", "--nodes", "2")
    assert done.returncode == 1
    assert "runs with other settings" in done.stderr


def test_settings_that_a_running_cluster_cannot_take_are_refused(shared_cluster: LocalCluster) -> None:
    for arguments, told in (
        (("scheduler", "--nodes", "9"), "there are 3 agents, one for each node"),
        (("agent-1", "--env", "LOG_LEVEL=DEBUG"), "agent-1 has no settings"),
    ):
        done = shared_cluster.command("restart", *arguments)
        assert (done.returncode, told in done.stderr) == (2, True)


def test_each_part_can_be_stopped_and_started(shared_cluster: LocalCluster) -> None:
    nodes = shared_cluster.up()["cql"]
    for verb, part in (
        ("stop", "scheduler"),
        ("kill", "master"),
        ("stop", "agent-2"),
        ("restart", "zookeeper"),
    ):
        assert shared_cluster.command(verb, part).returncode == 0
        if verb != "restart":
            stopped = json.loads(shared_cluster.command("status", "--json").stdout)
            assert stopped["parts"][part] == "stopped"
            assert stopped["pids"][part] is None
            assert shared_cluster.command("start", part).returncode == 0
    places = shared_cluster.up()
    assert places["cql"] == nodes
    with session(nodes) as cql:
        assert len(list(cql.execute("SELECT peer FROM system.peers_v2"))) == 2


def test_what_was_written_is_there_after_down_and_up(cluster: LocalCluster) -> None:
    places = cluster.up("--nodes", "1")
    with session(places["cql"]) as cql:
        cql.execute(
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        cql.execute("CREATE TABLE k.t (id int PRIMARY KEY)")
        cql.execute("INSERT INTO k.t (id) VALUES (7)")
    before = agent_ids(cluster.data), volumes(cluster.data)
    cluster.down()
    assert belonging_to(cluster.data) == []
    again = cluster.up()
    assert (agent_ids(cluster.data), volumes(cluster.data)) == before
    assert again["cql"] == places["cql"]
    with session(again["cql"]) as cql:
        assert [row.id for row in cql.execute("SELECT id FROM k.t")] == [7]


def test_down_leaves_nothing_of_an_agent_that_was_killed(cluster: LocalCluster) -> None:
    cluster.up("--nodes", "1")
    for number in (1, 2, 3):
        assert cluster.command("kill", f"agent-{number}").returncode == 0
    # Executor and Cassandra run on without their agent.
    assert len(belonging_to(cluster.data)) > 3
    cluster.down()
    assert belonging_to(cluster.data) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_cluster_in_the_foreground(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "local", "up", "--nodes", "1", "--data", str(data)]
    with ExitStack() as stack:
        running = stack.enter_context(
            subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        stack.callback(LocalCluster(data).down)
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("Ctrl-C stops" if number == signal.SIGINT else "starting the scheduler"):
                break
        running.send_signal(number)
        told = running.stdout.read()
    assert running.returncode == 0
    assert "zookeeper, s3: stopped" in told
    assert "killed" not in told
    assert belonging_to(data) == []
