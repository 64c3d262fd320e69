"""The configuration of a real cluster changed while clients write and read, and the cluster uninstalled."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cassandra import ConsistencyLevel, DriverException, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile, NoHostAvailable, Session
from cassandra.cluster import Cluster as Driver
from kazoo.client import KazooClient

from local.cluster import Cluster
from local.process import belonging_to
from local.running import PROJECT
from tests.integration.conftest import LocalCluster
from tests.integration.local.test_replacement import call, until

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

STEP_SECONDS = 420.0
PAUSE_SECONDS = 0.02
UNSURE = (DriverException, OperationTimedOut, RequestExecutionException, NoHostAvailable)
"""What a client gets for a write of which nobody has promised anything."""


@contextmanager
def quorum(cql: list[str]) -> Iterator[Session]:
    """A session that asks for a quorum each time, of whichever nodes there are."""
    profile = ExecutionProfile(consistency_level=ConsistencyLevel.QUORUM, request_timeout=10)
    hosts = [node.rpartition(":")[0] for node in cql]
    driver = Driver(hosts, protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    try:
        yield driver.connect()
    finally:
        driver.shutdown()


@dataclass
class Clients:
    """A writer and a reader, each on a thread of its own, and what they were promised."""

    session: Session
    acknowledged: list[int] = field(default_factory=list)
    refused: int = 0
    missing: list[int] = field(default_factory=list)
    reads: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        for number in itertools.count():
            if self.stop.wait(PAUSE_SECONDS):
                return
            try:
                self.session.execute("INSERT INTO k.t (id, text) VALUES (%s, %s)", (number, f"row {number}"))
            except UNSURE:
                self.refused += 1
            else:
                self.acknowledged.append(number)

    def read(self) -> None:
        while not self.stop.wait(PAUSE_SECONDS):
            if not self.acknowledged:
                continue
            number = self.acknowledged[-1]
            try:
                found = list(self.session.execute("SELECT text FROM k.t WHERE id = %s", (number,)))
            except UNSURE:
                continue
            self.reads += 1
            if [row.text for row in found] != [f"row {number}"]:
                self.missing.append(number)


@contextmanager
def clients(session: Session) -> Iterator[Clients]:
    """Clients that write and read until the end of the block."""
    made = Clients(session)
    threads = [threading.Thread(target=run) for run in (made.write, made.read)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        for thread in threads:
            thread.join()


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


def test_no_acknowledged_write_is_missing_after_roll_out_scale_out_and_scale_in(local: LocalCluster) -> None:
    service = Service(local, "--nodes", "3", "--agents", "4")
    with quorum(service.places["cql"]) as cql:
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}")
        cql.execute("CREATE TABLE k.t (id int PRIMARY KEY, text text)")
        with clients(cql) as promised:
            memory_is_added_node_by_node(service)
            what_does_not_concern_the_nodes_restarts_none(service)
            a_node_is_added_and_taken_away(service)
            too_few_nodes_for_a_keyspace_are_refused(service)
        assert len(promised.acknowledged) > 100
        assert promised.reads > 100
        assert promised.missing == []
        assert missing(cql, promised) == []


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
    assert any("NODES=2 is too few for the keyspace k, which keeps 3 copies" in one for one in told)
    assert any("the keyspace system_distributed" in one for one in told)
    service.restart("--nodes", "3")
    service.settled(3)
    assert service.tasks() == before


def missing(cql: Session, promised: Clients) -> list[int]:
    """The acknowledged writes that are not there."""
    found = {row.id for row in cql.execute("SELECT id FROM k.t")}
    return [number for number in promised.acknowledged if number not in found]


def test_an_uninstallation_leaves_nothing_even_if_it_is_cut_off(local: LocalCluster) -> None:
    service = Service(local, "--nodes", "2")
    assert len(service.volumes()) == 2
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
    parts = {
        service.places["pids"][name] for name in ("zookeeper", "master", "agent-1", "agent-2", "agent-3")
    }
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
