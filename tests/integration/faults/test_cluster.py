"""A real cluster whose parts are killed, hung and replaced while it is written to and read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from local.cluster import Cluster
from local.process import Process
from tests.integration import scheduler as schedulers
from tests.integration.clients import Clients, clients
from tests.integration.conftest import LocalCluster
from tests.integration.local.test_node_failures import Nodes
from tests.integration.scheduler import Api
from tests.integration.scripted_server import eventually

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]


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
def load(shared_cluster: LocalCluster, cluster: Cluster) -> Iterator[Clients]:
    """A writer and a reader, who find all that was promised in the end."""
    with clients(shared_cluster.up()["cql"]) as load:
        yield load


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
    shared_cluster: LocalCluster, cluster: Cluster, load: Clients, stack: ExitStack
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
    load.go_on()


def test_a_leader_that_hangs_under_load_comes_back_to_nothing(
    shared_cluster: LocalCluster, cluster: Cluster, load: Clients, stack: ExitStack
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
    load.go_on()
    assert standby.leads()
    assert tasks(standby) == before


def test_an_upgrade_which_is_a_new_process_on_the_same_state_restarts_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Clients
) -> None:
    scheduler = own_scheduler(cluster)
    before = tasks(scheduler)
    assert shared_cluster.command("restart", "scheduler").returncode == 0
    await_whole(scheduler)
    load.go_on()
    assert tasks(scheduler) == before
    assert scheduler.get("/v1/plan")[1]["status"] == "COMPLETE"


def test_zookeeper_and_master_killed_at_once_cost_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Clients
) -> None:
    scheduler = own_scheduler(cluster)
    before = tasks(scheduler)
    for name in ("zookeeper", "master"):
        assert shared_cluster.command("kill", name).returncode == 0
    load.go_on()
    for name in ("zookeeper", "master"):
        assert shared_cluster.command("start", name).returncode == 0
    await_whole(scheduler)
    assert tasks(scheduler) == before


@pytest.mark.parametrize("victim", ["agent", "executor", "cassandra"])
def test_a_part_of_a_node_that_hangs_for_a_while_costs_no_node(
    shared_cluster: LocalCluster, cluster: Cluster, load: Clients, victim: str
) -> None:
    scheduler = own_scheduler(cluster)
    before, node = tasks(scheduler), Nodes(shared_cluster).running(1)
    process = part(cluster, node.agent) if victim == "agent" else getattr(node, victim)
    process.signal(signal.SIGSTOP)
    try:
        load.go_on()
        status = scheduler.get("/v1/nodes/node-1/status")[0]
        assert status in (200, 503), "a node that hangs holds up no answer"
    finally:
        process.signal(signal.SIGCONT)
    await_whole(scheduler)
    assert tasks(scheduler) == before
