"""The real ZooKeeper by itself, for the tests of what stands on it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kazoo.client import KazooClient

from local import addresses, prerequisites
from local.cluster import Cluster
from local.parts import Part
from tests.integration.deployment.harness import out_of_the_way
from tests.unit.local.test_layout import LAYOUT


@dataclass(frozen=True)
class ZooKeeper:
    """A server that runs; ``address`` is its host:port."""

    cluster: Cluster

    @property
    def address(self) -> str:
        return self.cluster.layout.zookeeper

    @contextmanager
    def client(self) -> Iterator[KazooClient]:
        """A client to look and meddle with."""
        client = KazooClient(self.address, timeout=5.0)
        client.start(timeout=60)
        try:
            yield client
        finally:
            client.stop()
            client.close()

    def expire(self, client_id: tuple[int, bytes] | None) -> None:
        """End another client's session, as ZooKeeper does when it has heard nothing of it for too long."""
        killer = KazooClient(self.address, timeout=5.0, client_id=client_id)
        killer.start(timeout=60)
        killer.stop()
        killer.close()

    def signal(self, number: signal.Signals) -> None:
        self.cluster.processes["zookeeper"].signal(number)

    def kill(self) -> None:
        self.cluster.end(["zookeeper"], signal.SIGKILL)

    def start(self) -> None:
        self.cluster.start(["zookeeper"], time.sleep)


class Roomy(Cluster):
    """A cluster whose ZooKeeper has memory for the records of a thousand nodes."""

    @property
    def parts(self) -> dict[str, Part]:
        known = super().parts
        small = known["zookeeper"]
        command = tuple("-Xmx512M" if word.startswith("-Xmx") else word for word in small.command)
        return {**known, "zookeeper": replace(small, command=command)}


@contextmanager
def running(folder: Path, jars: Path) -> Iterator[ZooKeeper]:
    """A ZooKeeper with its data below a folder."""
    software = replace(LAYOUT.software, java_home=str(prerequisites.java_home()), zookeeper_jars=str(jars))
    cluster = Roomy(folder)
    with addresses.choosing(time.sleep):
        cluster.layout = replace(LAYOUT, software=software, addresses=out_of_the_way(1))
        cluster.start(["zookeeper"], time.sleep)
    try:
        yield ZooKeeper(cluster)
    finally:
        cluster.down(lambda _line: None)
