"""The whole cluster of one data directory: ZooKeeper, Mesos, the scheduler and the nodes that it keeps."""

from __future__ import annotations

import time
from pathlib import Path

from local import layout as layouts
from local.addresses import AGENT_PORT
from local.layout import S3_KEYS, Json, Layout
from local.parts import Part, agent_names, parts
from local.running import Pause, Running, Say


class Cluster(Running[Layout]):
    """``cluster.json`` in the data directory holds the layout, and each started part's process."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, "cluster.json", layouts.from_json, "python -m local up makes one")

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name, in the order in which they are started."""
        return parts(self.layout, self.data)

    def await_agents(self, pause: Pause) -> None:
        """Wait until the master counts on every agent that is up. Raises Failure."""
        addresses, names = self.layout.addresses, agent_names(self.layout)
        hosts = {name: addresses.agent(number) for number, name in enumerate(names, 1)}
        self.await_registered(hosts, pause)

    def down(self, say: Say) -> None:
        """End everything. Nodes are drained by their agents, once no scheduler is left to restart them."""
        agents = agent_names(self.layout)
        for group in (["scheduler"], agents, ["master"], ["zookeeper", "s3"]):
            self._end_and_tell([name for name in group if name in self.processes], say)
        self.sweep(say)

    def _end_and_tell(self, names: list[str], say: Say) -> None:
        if not names:
            return
        begun = time.monotonic()
        killed = self.end(names)
        say(f"{', '.join(names)}: stopped ({time.monotonic() - begun:.1f} s)")
        for name in killed:
            say(f"{name} did not end by itself and was killed")


def describe(cluster: Cluster, cql: list[str]) -> Json:
    """Where everything is; ``cql`` are the contact points that take CQL now."""
    layout = cluster.layout
    agents = [
        {
            "url": f"http://{layout.addresses.agent(number)}:{AGENT_PORT}",
            "pid": cluster.pid(name),
            "work_dir": str(cluster.data / name),
        }
        for number, name in enumerate(agent_names(layout), 1)
    ]
    return {
        "api": layout.api,
        "mesos_master": f"http://{layout.master}",
        "agents": agents,
        "zookeeper": layout.zookeeper,
        "s3": {
            "external_location": layout.s3,
            "s3_access_key": S3_KEYS[0],
            "s3_secret_key": S3_KEYS[1],
        },
        "cql": cql,
        "pids": {name: cluster.pid(name) for name in cluster.names},
        "logs": str(cluster.logs),
    }
