"""Finding the leading master through a real ZooKeeper.

``test_under_gevent`` runs this file a second time in a process that is patched as the daemon's is.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

from scheduler.mesos.detector import StaticDetector, ZooKeeperDetector, detector_for
from tests.integration.mesos.zookeeper import ZooKeeper
from tests.integration.scripted_server import eventually

pytestmark = pytest.mark.needs("java", "mvn")

PATH = "/mesos"


def client_for(zookeeper: ZooKeeper) -> KazooClient:
    """A client of the kind that fits the process: gevent's where gevent has patched it."""
    options: dict[str, Any] = {}
    if "gevent" in sys.modules and sys.modules["gevent.monkey"].is_module_patched("socket"):
        options["handler"] = sys.modules["kazoo.handlers.gevent"].SequentialGeventHandler()
    return KazooClient(zookeeper.address, timeout=2.0, **options)


class Cluster:
    """What the masters of a cluster do in ZooKeeper."""

    def __init__(self, zookeeper: ZooKeeper, stack: ExitStack) -> None:
        self._client = client_for(zookeeper)
        self._client.start(timeout=30)
        stack.callback(self._client.close)
        stack.callback(self._client.stop)

    def candidate(self, ip: str) -> str:
        info = {"address": {"hostname": "host-1", "ip": ip, "port": 5050}, "id": "m"}
        return self.node("json.info_", json.dumps(info).encode())

    def node(self, prefix: str, data: bytes) -> str:
        path: str = self._client.create(
            f"{PATH}/{prefix}", data, ephemeral=True, sequence=True, makepath=True
        )
        return path

    def resign(self, path: str) -> None:
        self._client.delete(path)

    def vanish(self) -> None:
        self._client.delete(PATH, recursive=True)


@pytest.fixture
def found(zookeeper: ZooKeeper, stack: ExitStack) -> list[str]:
    leaders: list[str] = []
    detector = ZooKeeperDetector(client_for(zookeeper), PATH)
    stack.callback(detector.stop)
    detector.start(leaders.append)
    return leaders


def test_a_zookeeper_and_a_path_that_are_not_there_yet_are_waited_for(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    assert not found
    cluster.candidate("10.0.0.1")
    eventually(lambda: found == ["10.0.0.1:5050"])


def test_the_lead_passes_on_to_the_next_in_line(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    first = cluster.candidate("10.0.0.1")
    cluster.candidate("10.0.0.2")
    cluster.candidate("10.0.0.3")
    eventually(lambda: found == ["10.0.0.1:5050"])
    cluster.resign(first)
    eventually(lambda: found == ["10.0.0.1:5050", "10.0.0.2:5050"])


def test_an_election_without_candidates_is_waited_out(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    cluster.candidate("10.0.0.1")
    eventually(lambda: found == ["10.0.0.1:5050"])
    cluster.vanish()
    cluster.candidate("10.0.0.2")
    eventually(lambda: found == ["10.0.0.1:5050", "10.0.0.2:5050"])


def test_only_masters_that_speak_json_are_candidates(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    cluster.node("info_", b"\x0a\x24protobuf")
    cluster.node("log_replicas", b"")
    cluster.candidate("10.0.0.9")
    eventually(lambda: found == ["10.0.0.9:5050"])


def test_a_znode_that_cannot_be_read_is_read_again(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    broken = [cluster.node("json.info_", data) for data in (b"{", b"[]", b"{}", b"\xff")]
    cluster.candidate("10.0.0.2")
    for path in broken:
        cluster.resign(path)
    eventually(lambda: found == ["10.0.0.2:5050"])


def test_a_master_without_an_ip_is_reached_by_name(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    Cluster(zookeeper, stack).candidate("")
    eventually(lambda: found == ["host-1:5050"])


def test_a_zookeeper_that_comes_back_with_other_sessions_is_followed_on(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    cluster.candidate("10.0.0.1")
    eventually(lambda: found == ["10.0.0.1:5050"])
    zookeeper.stop()
    zookeeper.start()
    eventually(lambda: advances(cluster), "the masters' session")
    eventually(lambda: found[-1] == "10.0.0.2:5050")


def advances(cluster: Cluster) -> bool:
    """Let another master lead, if ZooKeeper is there to take it."""
    try:
        cluster.vanish()
        cluster.candidate("10.0.0.2")
    except KazooException:
        return False
    return True


def test_a_frozen_zookeeper_keeps_the_last_leader(
    zookeeper: ZooKeeper, found: list[str], stack: ExitStack
) -> None:
    zookeeper.start()
    cluster = Cluster(zookeeper, stack)
    cluster.candidate("10.0.0.1")
    eventually(lambda: found == ["10.0.0.1:5050"])
    zookeeper.signal(signal.SIGSTOP)
    stack.callback(zookeeper.signal, signal.SIGCONT)
    watcher = client_for(zookeeper)
    with pytest.raises(watcher.handler.timeout_exception):
        watcher.start(timeout=3)  # longer than the detector's session
    watcher.close()
    assert found == ["10.0.0.1:5050"]
    zookeeper.signal(signal.SIGCONT)
    eventually(lambda: advances(cluster), "the masters' session")
    eventually(lambda: found[-1] == "10.0.0.2:5050")


def test_a_stop_ends_it_without_zookeeper_too(zookeeper: ZooKeeper) -> None:
    detector = ZooKeeperDetector(client_for(zookeeper), PATH)
    detector.start(lambda leader: None)
    detector.stop()


@pytest.mark.parametrize(
    ("address", "leader"),
    [("h:1234", "h:1234"), ("h", "h:5050"), ("[::1]", "[::1]:5050"), ("[::1]:1", "[::1]:1")],
)
def test_a_configured_master_leads_at_once(address: str, leader: str) -> None:
    leaders: list[str] = []
    detector = detector_for(address)
    detector.start(leaders.append)
    detector.stop()
    assert isinstance(detector, StaticDetector)
    assert leaders == [leader]


def test_an_ensemble_is_asked_under_its_path() -> None:
    detector = detector_for("zk://user:pw@h1:2181,h2:2182/dcos/mesos")
    assert isinstance(detector, ZooKeeperDetector)
    assert detector._path == "/dcos/mesos"
    assert detector._client.hosts == [("h1", 2181), ("h2", 2182)]
    assert detector._client.auth_data == {("digest", "user:pw")}


@pytest.mark.parametrize("address", ["zk://h1:2181", "zk://h1:2181/", "http://h1:5050/mesos", "zk:///mesos"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="must be given as"):
        detector_for(address)
