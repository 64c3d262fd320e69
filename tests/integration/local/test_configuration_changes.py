"""The configuration of a real cluster changed while clients write and read, and the cluster uninstalled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from local.cluster import Cluster
from local.process import belonging_to
from local.running import PROJECT
from tests.integration import scheduler as schedulers
from tests.integration.clients import KEYSPACE, clients
from tests.integration.conftest import LocalCluster
from tests.integration.local.test_replacement import call, until
from tests.integration.scripted_server import eventually

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

STEP_SECONDS = 420.0


class Service:
    """The service of a one-machine cluster."""

    def __init__(self, local: LocalCluster, *arguments: str) -> None:
        self.local = local
        self.places = local.up(*arguments)

    def get(self, path: str) -> tuple[int, Any]:
        return call(f"{self.places['api']}/v1/{path}")

    def restart(self, *arguments: str) -> None:
        done = self.local.command("restart", "scheduler", *arguments)
        assert done.returncode == 0, done.stderr

    def settled(self, nodes: int) -> None:
        """Wait until the plans are complete and so many nodes take CQL."""

        def look() -> bool | None:
            try:
                plans = [self.get(f"plans/{name}")[1].get("status") for name in ("deploy", "recovery")]
                taking = self.get("connection")[1].get("nodes", [])
            except OSError:
                return None
            return (plans == ["COMPLETE", "COMPLETE"] and len(taking) == nodes) or None

        until(f"{nodes} nodes, and complete plans; {self.get('plan')}", look, STEP_SECONDS)

    def tasks(self) -> list[str]:
        names = self.get("nodes/list")[1]
        return [self.get(f"nodes/{name}/info")[1]["id"] for name in names]

    def reserved(self) -> list[dict[str, Any]]:
        """What the master counts as reserved, agent by agent, in the order of their addresses."""
        _, body = call(f"{self.places['mesos_master']}/slaves")
        return [one["reserved_resources"] for one in sorted(body["slaves"], key=lambda one: one["hostname"])]

    def volumes(self) -> list[Path]:
        return sorted(self.local.data.glob("agent-*/volumes/roles/*/*"))


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalCluster]:
    found = LocalCluster(tmp_path / "data")
    yield found
    found.down()


def test_no_acknowledged_write_is_missing_whatever_is_done_to_the_cluster(local: LocalCluster) -> None:
    # A busy machine may be slow.
    service = Service(local, "--nodes", "3", "--agents", "4", "--env=CASSANDRA_WRITE_REQUEST_TIMEOUT=30s")
    with clients(service.places["cql"]) as promised:
        for is_changed in (
            the_leader_is_killed,
            a_node_is_restarted,
            memory_is_added_node_by_node,
            what_does_not_concern_the_nodes_restarts_none,
            a_node_is_added_and_taken_away,
            a_node_is_replaced,
            too_few_nodes_for_a_keyspace_are_refused,
        ):
            is_changed(service)
            promised.go_on()


def the_leader_is_killed(service: Service) -> None:
    """And the standby after it, so that the next one is an upgrade: a new process on the same state."""
    before = service.tasks()
    standby = schedulers.start(Cluster(service.local.data))
    try:
        eventually(standby.stands_by, "the standby")
        assert service.local.command("kill", "scheduler").returncode == 0
        eventually(standby.leads, "the standby's lead", STEP_SECONDS)
    finally:
        standby.kill()
    assert service.local.command("start", "scheduler").returncode == 0
    service.settled(3)
    assert service.tasks() == before


def a_node_is_restarted(service: Service) -> None:
    before = service.tasks()
    assert call(f"{service.places['api']}/v1/nodes/restart?node=node-1", "PUT") == (200, [before[1]])
    until("node-1 has another task", lambda: service.tasks()[1] != before[1] or None, STEP_SECONDS)
    service.settled(3)
    after = service.tasks()
    assert [after[0], after[2]] == [before[0], before[2]]


def memory_is_added_node_by_node(service: Service) -> None:
    before = service.tasks()
    service.restart("--env", "CASSANDRA_MEMORY_MB=832", "--env", "CASSANDRA_CONCURRENT_READS=16")
    service.settled(3)
    assert not set(before) & set(service.tasks())
    memories = sorted(one["cassandra-role"]["mem"] for one in service.reserved() if one)
    assert memories == [832 + 256 + 512] * 3
    yaml = [(volume / "etc" / "cassandra.yaml").read_text() for volume in service.volumes()]
    assert all('"concurrent_reads": 16' in text for text in yaml)


def what_does_not_concern_the_nodes_restarts_none(service: Service) -> None:
    before = service.tasks()
    service.restart("--env", "LOG_LEVEL=DEBUG", "--env", "PLACEMENT_CONSTRAINT=hostname:MAX_PER:1")
    service.settled(3)
    assert service.tasks() == before


def a_node_is_added_and_taken_away(service: Service) -> None:
    service.restart("--nodes", "4")
    service.settled(4)
    assert len(service.volumes()) == 4
    service.restart("--nodes", "3")
    service.settled(3)
    assert len(service.volumes()) == 3
    assert [len(one) for one in service.reserved()].count(0) == 1
    (phase,) = [one for one in service.get("plan")[1]["phases"] if one["name"] == "Decommission"]
    assert [(step["name"], step["status"]) for step in phase["steps"]] == [("node-3", "COMPLETE")]
    until("no node remembers the one that left", lambda: all_see(service, 3), STEP_SECONDS)


def a_node_is_replaced(service: Service) -> None:
    """After a repair: what only the node that goes and one other had would be left on one node alone."""
    order = {"nodes": ["*"], "key_spaces": [KEYSPACE]}
    assert call(f"{service.places['api']}/v1/repair/start", "PUT", order)[0] == 202
    until("the repair", lambda: repaired(service), STEP_SECONDS)
    before, place = service.tasks(), service.get("nodes/1/info")[1]["ip"]
    given_up = service.volumes()
    assert call(f"{service.places['api']}/v1/nodes/replace?node=node-1&force=true", "PUT")[0] == 200
    until("node-1 elsewhere", lambda: service.get("nodes/1/info")[1]["ip"] not in (place, None) or None)
    service.settled(3)
    after = service.tasks()
    assert [after[0], after[2]] == [before[0], before[2]]
    until("the old volume is destroyed", lambda: len(service.volumes()) == 3 or None, STEP_SECONDS)
    assert service.volumes() != given_up
    until("the nodes see each other", lambda: all_see(service, 3), STEP_SECONDS)


def repaired(service: Service) -> bool | None:
    status = service.get("repair/status")[1]["status"]
    assert status in ("running", "complete"), status
    return status == "complete" or None


def all_see(service: Service, nodes: int) -> bool | None:
    told = [service.get(f"nodes/{number}/status")[1] for number in range(nodes)]
    return all(len(one["live"]) == nodes and not one["unreachable"] for one in told) or None


def too_few_nodes_for_a_keyspace_are_refused(service: Service) -> None:
    before = service.tasks()
    service.restart("--nodes", "2")

    def errors() -> list[str] | None:
        code, body = service.get("plan")
        return body["errors"] if code == 417 else None

    told = until("the change is refused", errors)
    assert any(f"NODES=2 is too few for the keyspace {KEYSPACE}, which keeps 3 copies" in one for one in told)
    assert any("the keyspace system_distributed" in one for one in told)
    service.restart("--nodes", "3")
    service.settled(3)
    assert service.tasks() == before


def test_an_uninstallation_leaves_nothing_even_if_it_is_cut_off(local: LocalCluster) -> None:
    service = Service(local, "--nodes", "3")
    assert len(service.volumes()) == 3
    service.restart("--env", "SERVICE_UNINSTALL=true")
    until("a node is being ended", lambda: any_step(service, "IN_PROGRESS", "COMPLETE"), STEP_SECONDS)
    assert local.command("kill", "scheduler").returncode == 0
    assert local.command("start", "scheduler").returncode == 0
    until(f"all is gone; {service.get('plans')}", lambda: uninstalled(service), STEP_SECONDS)
    assert nothing_is_left(service)
    assert service.get("health")[0] == 200
    service.restart()
    until("a new start finds nothing to do", lambda: uninstalled(service))
    assert nothing_is_left(service)
    assert local.command("stop", "scheduler").returncode == 0
    done = by_hand(local, "--uninstall")
    assert done.returncode == 0, done.stderr
    assert nothing_is_left(service)


def any_step(service: Service, *statuses: str) -> bool | None:
    phases = service.get("plans/uninstall")[1].get("phases", [])
    found = [step["status"] for phase in phases if phase["name"] == "Nodes" for step in phase["steps"]]
    return any(status in statuses for status in found) or None


def uninstalled(service: Service) -> bool | None:
    try:
        return service.get("plans/uninstall")[1].get("status") == "COMPLETE" or None
    except OSError:
        return None


def nothing_is_left(service: Service) -> bool:
    """No data, no reservation, no framework, no executor, no znode."""
    assert service.volumes() == []
    assert service.reserved() == [{}, {}, {}]
    _, frameworks = call(f"{service.places['mesos_master']}/frameworks")
    assert frameworks["frameworks"] == []
    parts = {pid for name, pid in service.places["pids"].items() if name != "scheduler"}
    running = {process.pid for process in belonging_to(service.local.data)}
    assert len(running - parts) <= 1, "the scheduler alone"
    zookeeper = KazooClient(service.places["zookeeper"])
    zookeeper.start()
    try:
        return "dcos-service-cassandra" not in zookeeper.get_children("/")
    finally:
        zookeeper.stop()
        zookeeper.close()


def by_hand(local: LocalCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the scheduler with the settings that it has in the cluster, until it ends."""
    settings = Cluster(local.data).parts["scheduler"].environment
    environment = {name: value for name, value in os.environ.items() if name != "NODES"}
    environment |= {name: value for name, value in settings.items() if name != "SERVICE_UNINSTALL"}
    command = [sys.executable, "-m", "scheduler", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
