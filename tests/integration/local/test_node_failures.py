"""SIGKILL for parts of a running node: it comes back on its own volume, and the others never stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import NoHostAvailable
from cassandra.query import SimpleStatement

from executor.lock import holders
from local import http
from local.process import Process
from tests.integration.conftest import LocalCluster
from tests.integration.local.test_cluster import session

pytestmark = pytest.mark.needs("java", "mvn")

DEADLINE_SECONDS = 180.0
ROWS = 50


@dataclass(frozen=True)
class Running:
    """A node, and the processes that keep its volume locked."""

    name: str
    agent: str
    host_id: str
    volume: Path
    executor: Process
    cassandra: Process


class Nodes:
    """The three nodes of a cluster."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.cluster = cluster
        self.places = cluster.up()

    def ask(self, path: str) -> tuple[int, Any]:
        host, _, port = self.places["api"].removeprefix("http://").rpartition(":")
        return http.get(host, int(port), path)

    def running(self, number: int) -> Running:
        """What runs of a node now."""
        _, info = self.ask(f"/v1/nodes/{number}/info")
        _, status = self.ask(f"/v1/nodes/{number}/status")
        urls = [agent["url"] for agent in self.places["agents"]]
        index = next(i for i, url in enumerate(urls) if f"//{info['ip']}:" in url)
        (volume,) = Path(self.places["agents"][index]["work_dir"]).glob("volumes/roles/*/*")
        found = {holder.name: holder.pid for holder in holders(volume / "lock")}
        java = found.pop("java")
        (executor,) = found.values()
        name, host_id = info["name"], status["host_id"]
        return Running(name, f"agent-{index + 1}", host_id, volume, Process.of(executor), Process.of(java))

    def write(self) -> None:
        """Write rows that all three nodes then have."""
        with session(self.places["cql"]) as cql:
            cql.execute(
                "CREATE KEYSPACE IF NOT EXISTS failures "
                "WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}"
            )
            cql.execute("CREATE TABLE IF NOT EXISTS failures.t (id int PRIMARY KEY)")
            for row in range(ROWS):
                cql.execute(at(ConsistencyLevel.ALL, f"INSERT INTO failures.t (id) VALUES ({row})"))

    def await_rows(self, level: int) -> None:
        """Wait until all rows can be read: Cassandra asks a peer that was killed for a while."""
        wait_for(lambda: self._rows(level) == ROWS, f"a read of all rows at {level}")

    def _rows(self, level: int) -> int | None:
        try:
            with session(self.places["cql"]) as cql:
                return len(list(cql.execute(at(level, "SELECT id FROM failures.t"))))
        except (DriverException, NoHostAvailable):
            return None

    def await_whole(self) -> None:
        """Wait until the recovery plan has nothing left to do."""
        wait_for(lambda: self.ask("/v1/plans/recovery")[0] == 200, "the end of the recovery")
        self.cluster.up()


def at(level: int, text: str) -> SimpleStatement:
    return SimpleStatement(text, consistency_level=level)


def wait_for(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"{what} has not come about in {DEADLINE_SECONDS:g} s"
        time.sleep(0.1)


@pytest.fixture
def nodes(shared_cluster: LocalCluster) -> Nodes:
    found = Nodes(shared_cluster)
    found.write()
    return found


@pytest.mark.parametrize("victim", ["cassandra", "executor"])
def test_a_node_whose_process_was_killed_comes_back_with_its_data_and_the_others_never_stop(
    nodes: Nodes, victim: str
) -> None:
    before, others = nodes.running(1), [nodes.running(0), nodes.running(2)]
    os.kill(getattr(before, victim).pid, signal.SIGKILL)
    wait_for(lambda: nodes.ask("/v1/nodes/1/info")[1]["state"] != "TASK_RUNNING", "news of the death")
    nodes.await_rows(ConsistencyLevel.QUORUM)
    nodes.await_whole()
    after = nodes.running(1)
    assert (after.host_id, after.volume, after.agent) == (before.host_id, before.volume, before.agent)
    assert after.cassandra.pid != before.cassandra.pid
    assert not before.cassandra.alive
    assert [nodes.running(0), nodes.running(2)] == others
    assert all(other.cassandra.alive for other in others)
    nodes.await_rows(ConsistencyLevel.ALL)
    failure = nodes.ask("/v1/nodes/1/info")[1]["last_failure"]
    assert failure["state"] == "TASK_FAILED"
    if victim == "cassandra":
        assert failure["message"] == "Cassandra was killed by SIGKILL"
        assert "INFO" in failure["log_tail"]


def test_an_agent_that_was_killed_and_started_again_finds_its_node_still_running(nodes: Nodes) -> None:
    before = [nodes.running(number) for number in (0, 1, 2)]
    assert nodes.cluster.command("kill", before[2].agent).returncode == 0
    nodes.await_rows(ConsistencyLevel.ALL)
    assert nodes.cluster.command("start", before[2].agent).returncode == 0
    # Through its agent the executor is asked again, which shows that it has subscribed.
    wait_for(lambda: nodes.ask("/v1/nodes/2/status")[0] == 200, "the executor's answer through its agent")
    nodes.await_whole()
    assert [nodes.running(number) for number in (0, 1, 2)] == before
    nodes.await_rows(ConsistencyLevel.ALL)
