"""A real cluster whose parts are killed, hung and replaced while it is written to and read."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.cluster import Cluster as Driver
from cassandra.policies import RoundRobinPolicy

from local.cluster import Cluster
from local.process import Process
from tests.integration import scheduler as schedulers
from tests.integration.conftest import LocalCluster
from tests.integration.scheduler import Api
from tests.integration.scripted_server import eventually

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]


class Load:
    """A writer at QUORUM, whose every acknowledged row must be read again in the end."""

    def __init__(self, cql: list[str]) -> None:
        profile = ExecutionProfile(
            load_balancing_policy=RoundRobinPolicy(),
            consistency_level=ConsistencyLevel.QUORUM,
            request_timeout=10,
        )
        hosts = [node.rpartition(":")[0] for node in cql]
        self._driver = Driver(hosts, protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        self._cql = self._driver.connect()
        self._cql.execute(
            "CREATE KEYSPACE IF NOT EXISTS load WITH replication = "
            f"{{'class': 'SimpleStrategy', 'replication_factor': {len(hosts)}}}"
        )
        self._cql.execute("CREATE TABLE IF NOT EXISTS load.rows (id int PRIMARY KEY)")
        self._cql.execute("TRUNCATE load.rows")
        self._ended = threading.Event()
        self.acknowledged: set[int] = set()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        insert = self._cql.prepare("INSERT INTO load.rows (id) VALUES (?)")
        number = 0
        while not self._ended.wait(0.01):
            number += 1
            with contextlib.suppress(Exception):  # not acknowledged: it may be there or not
                self._cql.execute(insert, [number])
                self.acknowledged.add(number)

    def goes_on(self) -> None:
        """Wait for writes that are acknowledged from now on."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) > before + 10, "writes that are acknowledged")

    def end(self) -> None:
        """Stop, and find every acknowledged row."""
        self._ended.set()
        self._thread.join()
        found = {row.id for row in self._cql.execute("SELECT id FROM load.rows")}
        self._driver.shutdown()
        assert self.acknowledged - found == set()


@pytest.fixture
def cluster(shared_cluster: LocalCluster) -> Iterator[Cluster]:
    """The shared cluster, which is whole again in the end."""
    shared_cluster.up()
    found = Cluster(shared_cluster.data)
    yield found
    for part in ("zookeeper", "master", "scheduler"):
        assert shared_cluster.command("start", part).returncode == 0
    shared_cluster.up()


@pytest.fixture
def load(shared_cluster: LocalCluster, cluster: Cluster) -> Iterator[Load]:
    load = Load(shared_cluster.up()["cql"])
    load.goes_on()
    yield load
    load.end()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def own_scheduler(cluster: Cluster) -> Api:
    """The cluster's scheduler, to be asked."""
    return schedulers.Api(cluster.layout.addresses.api_port)


def tasks(scheduler: Api) -> dict[str, str]:
    """The id of each node's task: another one is a node that was restarted."""
    found = {}
    for name in scheduler.get("/v1/nodes/list")[1]:
        info = scheduler.get(f"/v1/nodes/{name}/info")[1]
        assert info["state"] == "TASK_RUNNING", info
        found[name] = info["id"]
    return found


def await_whole(scheduler: Api) -> None:
    """Wait until it leads, and knows of each node that it is up."""

    def whole() -> bool:
        health = scheduler.health()
        up = health.get("nodes_up") == health.get("nodes_expected")
        return bool(scheduler.leads() and health.get("reconciled") and up)

    eventually(whole, "a leader that knows of all nodes", seconds=90)


def part(cluster: Cluster, name: str) -> Process:
    cluster.read()
    return cluster.processes[name]


def test_a_leader_killed_under_load_is_followed_by_the_standby_and_no_node_restarts(
    shared_cluster: LocalCluster, cluster: Cluster, load: Load, stack: ExitStack
) -> None:
    leader = own_scheduler(cluster)
    before = tasks(leader)
    standby = schedulers.start(cluster)
    stack.callback(standby.kill)
    eventually(standby.stands_by, "the standby")
    assert tasks(standby) == before, "as the leader tells it"
    assert shared_cluster.command("kill", "scheduler").returncode == 0
    await_whole(standby)
    assert tasks(standby) == before
    load.goes_on()


def test_a_leader_that_hangs_under_load_comes_back_to_nothing(
    shared_cluster: LocalCluster, cluster: Cluster, load: Load, stack: ExitStack
) -> None:
    leader, process = own_scheduler(cluster), part(cluster, "scheduler")
    before = tasks(leader)
    standby = schedulers.start(cluster)
    stack.callback(standby.kill)
    eventually(standby.stands_by, "the standby")
    process.signal(signal.SIGSTOP)
    await_whole(standby)
    process.signal(signal.SIGCONT)
    eventually(lambda: not process.alive, "the end of the one that hung")
    load.goes_on()
    assert standby.leads()
    assert tasks(standby) == before


def test_an_upgrade_which_is_a_new_process_on_the_same_state_restarts_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Load
) -> None:
    scheduler = own_scheduler(cluster)
    before = tasks(scheduler)
    assert shared_cluster.command("restart", "scheduler").returncode == 0
    await_whole(scheduler)
    load.goes_on()
    assert tasks(scheduler) == before
    assert scheduler.get("/v1/plan")[1]["status"] == "COMPLETE"


def test_zookeeper_and_master_killed_at_once_cost_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Load
) -> None:
    scheduler = own_scheduler(cluster)
    before = tasks(scheduler)
    for name in ("zookeeper", "master"):
        assert shared_cluster.command("kill", name).returncode == 0
    load.goes_on()
    for name in ("zookeeper", "master"):
        assert shared_cluster.command("start", name).returncode == 0
    await_whole(scheduler)
    assert tasks(scheduler) == before


def test_an_agent_and_its_executor_that_hang_for_a_while_cost_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Load
) -> None:
    scheduler = own_scheduler(cluster)
    before = tasks(scheduler)
    agent = part(cluster, "agent-1")
    agent.signal(signal.SIGSTOP)
    try:
        load.goes_on()
        status = scheduler.get("/v1/nodes/node-0/status")[0]
        assert status in (200, 503), "a node that hangs holds up no answer"
    finally:
        agent.signal(signal.SIGCONT)
    await_whole(scheduler)
    assert tasks(scheduler) == before
