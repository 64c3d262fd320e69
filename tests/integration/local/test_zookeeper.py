"""A part of the cluster by itself: the real ZooKeeper, started and ended as the cluster does it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from local import prerequisites
from local.cluster import Cluster
from local.failure import Failure
from local.running import DIED, STOPPED, UP
from tests.integration.deployment.harness import out_of_the_way
from tests.integration.scripted_server import eventually
from tests.unit.local.test_layout import LAYOUT

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture
def cluster(tmp_path: Path, zookeeper_jars: Path) -> Iterator[Cluster]:
    """A cluster of which nothing runs yet."""
    software = replace(
        LAYOUT.software, java_home=str(prerequisites.java_home()), zookeeper_jars=str(zookeeper_jars)
    )
    found = Cluster(tmp_path)
    found.layout = replace(LAYOUT, software=software, addresses=out_of_the_way(1))
    yield found
    found.down(print)


def client(cluster: Cluster) -> KazooClient:
    return KazooClient(cluster.layout.zookeeper, timeout=5.0)


def test_what_is_stored_is_there_after_a_stop_and_a_start(cluster: Cluster) -> None:
    cluster.start(["zookeeper"], time.sleep)
    first = client(cluster)
    first.start(timeout=60)
    first.create("/kept", b"data")
    first.stop()
    first.close()
    assert cluster.end(["zookeeper"]) == []
    assert cluster.state("zookeeper") == STOPPED
    cluster.start(["zookeeper"], time.sleep)
    second = client(cluster)
    second.start(timeout=60)
    assert second.get("/kept")[0] == b"data"
    second.stop()
    second.close()


def test_another_command_sees_what_runs(cluster: Cluster) -> None:
    cluster.start(["zookeeper"], time.sleep)
    other = Cluster(cluster.data)
    assert other.state("zookeeper") == UP
    assert other.pid("zookeeper") == cluster.pid("zookeeper")
    assert other.running == ["zookeeper"]


def test_a_part_that_runs_is_not_started_again(cluster: Cluster) -> None:
    cluster.start(["zookeeper"], time.sleep)
    pid = cluster.pid("zookeeper")
    cluster.start(["zookeeper"], time.sleep)
    assert cluster.pid("zookeeper") == pid


def test_a_part_that_was_not_stopped_by_a_command_has_died(cluster: Cluster) -> None:
    cluster.start(["zookeeper"], time.sleep)
    cluster.processes["zookeeper"].signal(signal.SIGKILL)
    eventually(lambda: cluster.state("zookeeper") == DIED)
    assert cluster.pid("zookeeper") is None
    cluster.start(["zookeeper"], time.sleep)
    assert cluster.state("zookeeper") == UP


def test_a_part_that_cannot_start_is_told_of_with_the_end_of_its_log(cluster: Cluster) -> None:
    cluster.layout = replace(
        cluster.layout, software=replace(cluster.layout.software, zookeeper_jars="/none")
    )
    with pytest.raises(Failure, match=r"zookeeper ended as soon as it was started; its log, .*"):
        cluster.start(["zookeeper"], time.sleep)


def test_a_process_that_is_not_written_down_is_ended_with_the_cluster(cluster: Cluster) -> None:
    cluster.start(["zookeeper"], time.sleep)
    process = cluster.processes["zookeeper"]
    file = cluster.data / "cluster.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "processes": {}}))
    said: list[str] = []
    other = Cluster(cluster.data)
    other.down(said.append)
    assert not process.alive
    assert said[-1] == f"ended what was left behind: pid {process.pid}"


def test_a_damaged_record_is_told_of(cluster: Cluster) -> None:
    file = cluster.data / "cluster.json"
    whole = file.read_text()
    file.write_text(whole[:40])
    with pytest.raises(Failure, match="is damaged"):
        Cluster(cluster.data)
    file.write_text(whole)
