"""A node replaced on a real Cassandra: its data streamed anew, what is left of it destroyed."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile, Session
from cassandra.cluster import Cluster as Driver
from cassandra.policies import WhiteListRoundRobinPolicy

from local.process import Process, belonging_to, end_all
from tests.integration.conftest import LocalCluster

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

Json = Any
T = TypeVar("T")
ROWS = 200
WAIT_SECONDS = 420.0


def until(what: str, look: Callable[[], T | None], seconds: float = WAIT_SECONDS) -> T:
    """Look until something is there."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


def call(url: str, method: str = "GET", body: Json = None) -> tuple[int, Json]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # it has ended


@contextmanager
def session(host: str, level: int) -> Iterator[Session]:
    """A CQL session with one node, which coordinates everything."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([host]), consistency_level=level, request_timeout=30
    )
    driver = Driver(
        [host],
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=60,
        control_connection_timeout=60,
    )
    try:
        yield driver.connect()
    finally:
        driver.shutdown()


class Cluster:
    """Three nodes on four agents, and what can be asked of them."""

    def __init__(self, local: LocalCluster) -> None:
        self.local = local
        # What is read of a node at ONE shall be its own.
        self.places = local.up("--nodes", "3", "--agents", "4", "--env=CASSANDRA_DYNAMIC_SNITCH=false")

    def api(self, path: str, method: str = "GET") -> tuple[int, Json]:
        return call(f"{self.places['api']}/v1/{path}", method)

    def agent_of(self, node: str) -> int:
        """The number of the agent that a node is on."""
        return int(self.api(f"nodes/{node}/info")[1]["ip"].rpartition(".")[2])

    def agent_id(self, agent: int) -> str:
        folder: Path = self.local.data / f"agent-{agent}" / "meta/slaves/latest"
        return folder.readlink().name

    def executors(self, agent: int) -> list[Process]:
        """The agent's executors, with whose end Cassandra ends too."""
        return belonging_to(self.local.data / f"agent-{agent}")

    def cassandras(self, agent: int) -> list[int]:
        """The process ids of Cassandra on the agent's volumes."""
        volumes = f"-Dcassandra.storagedir={self.local.data}/agent-{agent}/volumes/".encode()
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if volumes in command_line(pid)]

    def volumes(self, agent: int) -> list[Path]:
        return list((self.local.data / f"agent-{agent}").glob("volumes/roles/*/*"))

    def reserved(self, agent: int) -> dict[str, Json] | None:
        """What the master counts as reserved on the agent; None while it does not know it."""
        _, body = call(f"{self.places['mesos_master']}/slaves")
        host = self.places["agents"][agent - 1]["url"].removeprefix("http://").rpartition(":")[0]
        found = [one for one in body["slaves"] if one["hostname"] == host and one["active"]]
        return found[0]["reserved_resources"] if found else None

    def whole(self) -> bool | None:
        """Whether all of it is done and every node takes CQL; None otherwise."""
        plans = [self.api(f"plans/{name}")[1]["status"] for name in ("deploy", "recovery")]
        return (plans == ["COMPLETE", "COMPLETE"] and len(self.api("connection")[1]["nodes"]) == 3) or None

    def refused(self, path: str) -> str:
        code, body = self.api(path, "PUT")
        assert code == 409, body
        return str(body["message"])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a spare agent, and rows on all three nodes."""
    local = LocalCluster(tmp_path_factory.mktemp("replacement"))
    try:
        made = Cluster(local)
        with session(made.places["cql"][0].rpartition(":")[0], ConsistencyLevel.ALL) as cql:
            cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}")
            cql.execute("CREATE TABLE k.t (id int PRIMARY KEY, text text)")
            for number in range(ROWS):
                cql.execute("INSERT INTO k.t (id, text) VALUES (%s, %s)", (number, f"row {number}"))
        yield made
    finally:
        local.down()


def rows_of(cluster: Cluster, node: str) -> int:
    """How many rows the node itself has: the others hang meanwhile, and so cannot help."""
    host = cluster.api(f"nodes/{node}/info")[1]["ip"]
    agent = cluster.agent_of(node)
    others = [pid for other in range(1, 5) if other != agent for pid in cluster.cassandras(other)]
    assert len(others) == 2
    with session(host, ConsistencyLevel.ONE) as cql:
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            return len(list(cql.execute("SELECT id FROM k.t")))
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)


def test_a_node_whose_agent_was_marked_gone_is_replaced_and_its_volume_destroyed_when_it_is_back(
    cluster: Cluster,
) -> None:
    agent = cluster.agent_of("node-0")
    old_id, old_volumes = cluster.agent_id(agent), cluster.volumes(agent)
    assert "force=true" in cluster.refused("nodes/replace?node=node-0")
    assert cluster.local.command("kill", f"agent-{agent}").returncode == 0
    end_all(cluster.executors(agent), signal.SIGKILL, 10)
    gone = {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": old_id}}}
    assert call(f"{cluster.places['mesos_master']}/api/v1", "POST", gone)[0] == 200

    def waits_for_order() -> bool | None:
        steps = cluster.api("plans/recovery")[1]["phases"][0]["steps"]
        return any("nodes/replace?node=node-0" in step["message"] for step in steps) or None

    until("node-0 waits for an operator", waits_for_order)
    task = cluster.api("nodes/node-0/info")[1]["id"]
    answer = until(
        "the others notice that node-0 is down",
        lambda: found if (found := cluster.api("nodes/replace?node=node-0", "PUT"))[0] == 200 else None,
    )
    assert answer == (200, [task])
    until("node-0 works elsewhere", cluster.whole)
    new = cluster.agent_of("node-0")
    assert new != agent
    assert rows_of(cluster, "node-0") == ROWS
    seeds = cluster.api("seeds")[1]["seeds"]
    assert cluster.api("nodes/node-0/info")[1]["ip"] in seeds
    # The founder was replaced, and there is one ring all the same.
    until("every node sees three", lambda: three_see_each_other(cluster))

    assert cluster.volumes(agent) == old_volumes, "nothing is destroyed by an agent's absence"
    (cluster.local.data / f"agent-{agent}" / "meta/slaves/latest").unlink()
    assert cluster.local.command("start", f"agent-{agent}").returncode == 0
    until("its volume is destroyed", lambda: True if not cluster.volumes(agent) else None)
    until("its reservation is given back", lambda: True if cluster.reserved(agent) == {} else None)
    assert cluster.agent_id(agent) != old_id
    assert cluster.whole()


def three_see_each_other(cluster: Cluster) -> bool | None:
    told = [cluster.api(f"nodes/{number}/status")[1] for number in range(3)]
    return all(len(one["live"]) == 3 and not one["unreachable"] for one in told) or None


def test_a_node_that_is_up_is_replaced_by_force_and_its_volume_destroyed_at_once(cluster: Cluster) -> None:
    agent = cluster.agent_of("node-2")
    assert cluster.volumes(agent)
    assert cluster.api("nodes/replace?node=node-2&force=true", "PUT")[0] == 200
    assert "node-2 is being replaced" in cluster.refused("nodes/replace?node=node-1&force=true")
    until("node-2 works elsewhere", cluster.whole)
    assert cluster.agent_of("node-2") != agent
    assert rows_of(cluster, "node-2") == ROWS
    until("its volume is destroyed", lambda: True if not cluster.volumes(agent) else None)
    until("its reservation is given back", lambda: True if cluster.reserved(agent) == {} else None)
