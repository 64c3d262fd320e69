"""A deployment part by part: the parts of ``python -m local``, with a pretended Cassandra or the real one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from kazoo.client import KazooClient

from local import addresses, prerequisites
from local.cluster import Cluster
from local.layout import Layout, Software
from local.parts import agent_names
from local.running import DIED, PROJECT
from tests.integration.deployment.proxy import MasterProxy

DEADLINE_SECONDS = 180.0
PRETENDED = Path(__file__).with_name("pretended_cassandra.py")
ZK_ROOT = "/dcos-service-cassandra"

Json = Any


def wait_for(found: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Poll until there is something."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"{what} has not come about in {seconds:g} s"
        time.sleep(0.05)
    return result


def pretended_software(folder: Path) -> dict[str, str]:
    """The settings with which nodes run the pretended Cassandra, which is made in a folder."""
    java = folder / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {PRETENDED} "$@"\n')
    java.chmod(0o755)
    jar = folder / "empty.jar"
    jar.touch()
    tarball = folder / "cassandra.tar"
    with tarfile.open(tarball, "w") as tar:
        for name in ("apache-cassandra.jar", "jolokia-agent-jvm.jar"):
            tar.add(jar, f"cassandra/lib/{name}")
    return {
        "JAVA_HOME": str(folder / "jdk"),
        "CASSANDRA_URI": tarball.as_uri(),
        "CASSANDRA_SHA512": hashlib.sha512(tarball.read_bytes()).hexdigest(),
    }


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server((addresses.HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def out_of_the_way(agents: int) -> addresses.Addresses:
    """Not the next ones free: another cluster might take them while a part of this one is down."""
    subnet = addresses.free_subnet(range(1, agents + 1), addresses.AGENT_PORTS, addresses.SUBNETS[128:])
    return addresses.Addresses(subnet, free_port(), free_port(), free_port())


def pretended(
    folder: Path, zookeeper_jars: Path, nodes: int = 3, settings: Mapping[str, str] | None = None
) -> Deployment:
    """A deployment of the pretended Cassandra below a folder, without a scheduler yet."""
    software = Software(str(prerequisites.java_home()), str(zookeeper_jars), "5.0.9", "", "")
    wanted = {**pretended_software(folder), **(settings or {})}
    return Deployment(folder / "data", software, wanted, nodes)


class Deployment:
    """ZooKeeper, master and agents, and a scheduler whose calls go through ``proxy`` and that may be killed.

    ``end`` leaves nothing running.
    """

    def __init__(self, data: Path, software: Software, settings: Mapping[str, str], nodes: int = 3) -> None:
        self.cluster = Cluster(data)
        data.mkdir()
        with addresses.choosing(time.sleep):
            where = addresses.settle(max(nodes, 3), out_of_the_way(max(nodes, 3)), None, None)
            self.proxy = MasterProxy((addresses.HOST, where.master_port))
            wanted = {**settings, "MESOS_MASTER": self.proxy.address}
            self.cluster.layout = Layout(nodes, max(nodes, 3), where, software, wanted)
            self.cluster.start(["zookeeper", "master", *agent_names(self.layout)], time.sleep)
        self.cluster.await_agents(time.sleep)

    @property
    def layout(self) -> Layout:
        """Where everything is."""
        return self.cluster.layout

    def end(self) -> None:
        """Stop all of it."""
        self.cluster.down(lambda text: None)
        self.proxy.close()

    # The scheduler.

    def start_scheduler(self) -> None:
        """Start it, without waiting for anything."""
        self.cluster.launch(["scheduler"])

    def kill_scheduler(self) -> None:
        """End it at once."""
        self.cluster.processes["scheduler"].signal(signal.SIGKILL)

    @property
    def scheduler_died(self) -> bool:
        """Whether it ended without being stopped."""
        return self.cluster.state("scheduler") == DIED

    def bring_back_scheduler(self) -> None:
        """Start it again after it was killed.

        Its session in ZooKeeper is ended first, as time would do after ten seconds.
        """
        with self.zookeeper() as client:
            for contender in client.get_children(f"{ZK_ROOT}/lock"):
                client.delete(f"{ZK_ROOT}/lock/{contender}")
        self.start_scheduler()

    @contextmanager
    def another_scheduler(
        self, proxy: MasterProxy, api_port: int, **settings: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A scheduler beside the one that is a part, with a proxy, a port and settings of its own."""
        part = self.cluster.parts["scheduler"]
        own = {"MESOS_MASTER": proxy.address, "API_PORT": str(api_port), "PYTHONPATH": str(PROJECT)}
        environment = {"PATH": os.environ["PATH"], **part.environment, **own, **settings}
        with self.cluster.log(f"scheduler-{api_port}").open("wb") as log:
            process = subprocess.Popen(part.command, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def ledger(self) -> dict[str, int]:
        """The last change of each record in ZooKeeper, by its transaction."""
        with self.zookeeper() as client:
            nodes = [f"nodes/{name}" for name in client.get_children(f"{ZK_ROOT}/nodes")]
            names = ("epoch", "framework", "cluster", "target", "controls", *nodes)
            return {name: client.exists(f"{ZK_ROOT}/{name}").mzxid for name in names}

    @contextmanager
    def zookeeper(self) -> Iterator[KazooClient]:
        """A client of ZooKeeper."""
        client = KazooClient(self.layout.zookeeper)
        client.start()
        try:
            yield client
        finally:
            client.stop()
            client.close()

    def get(self, path: str) -> Json:
        """What the API answers; None while it does not."""
        return self.ask("GET", path)[1]

    def ask(self, method: str, path: str, api: str | None = None) -> tuple[int, Json]:
        """A call of the API: its status and body; 0 and None where nobody answers."""
        try:
            with urlopen(Request((api or self.layout.api) + path, method=method), timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def step(self, name: str, api: str | None = None) -> Json:
        """A step of the deploy plan; while the API does not tell, one without status."""
        plan = self.ask("GET", "/v1/plan", api)[1] or {}
        steps = [step for phase in plan.get("phases", []) for step in phase["steps"]]
        return next(
            (step for step in steps if step["name"] == name), dict.fromkeys(("status", "waiting_for"))
        )

    def status(self, name: str) -> str | None:
        """The status of a step of the deploy plan."""
        found: str | None = self.step(name)["status"]
        return found

    def await_complete(self, name: str) -> None:
        """Wait until a step of the deploy plan is complete."""
        wait_for(lambda: self.status(name) == "COMPLETE", f"the end of {name}'s step")

    # What there is outside the scheduler.

    def master(self, path: str) -> Json:
        """What the master tells operators."""
        with urlopen(f"http://{self.layout.master}{path}", timeout=30) as answer:
            return json.load(answer)

    def volumes(self) -> list[Path]:
        """The volumes on all agents."""
        return sorted(self.cluster.data.glob("agent-*/volumes/roles/*/*"))

    def sandboxes(self) -> list[Path]:
        """A sandbox for each executor that was ever started: one without output could not be fetched."""
        runs = self.cluster.data.glob("agent-*/slaves/*/frameworks/*/executors/*/runs/*")
        return [run for run in runs if run.name != "latest" and (run / "stderr").exists()]

    def starts(self) -> dict[str, list[int]]:
        """The pids of all pretended Cassandras that were ever started, by volume."""
        found = {}
        for volume in self.volumes():
            file = volume / "starts"
            found[volume.name] = [int(pid) for pid in file.read_text().split()] if file.exists() else []
        return found

    def reservations(self) -> list[tuple[str, str, float, float, float, str]]:
        """For each agent with any: node and generation of each label there, and what is reserved in all."""
        found = []
        for agent in self.master("/slaves")["slaves"]:
            for role, held in agent["reserved_resources_full"].items():
                labels = {_labels(resource) for resource in held}
                total = agent["reserved_resources"][role]
                sums = (total["cpus"], total["mem"], total["disk"], total["ports"])
                found += [(*label, *sums) for label in sorted(labels)]
        return found


def _labels(resource: Json) -> tuple[str, str]:
    pairs = {label["key"]: label["value"] for label in resource["reservations"][-1]["labels"]["labels"]}
    return pairs["node"], pairs["generation"]


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def assert_nothing_is_left_over(deployment: Deployment, nodes: int = 3) -> None:
    """Exactly so many nodes hold exactly what they need, each started once."""
    held = deployment.reservations()
    ports = "[7000-7001, 7199-7199, 8778-8778, 9042-9042]"
    assert [(cpus, mem, disk, p) for _, _, cpus, mem, disk, p in held] == [(1.1, 1536, 4096, ports)] * nodes
    assert sorted(node for node, *_ in held) == [f"node-{number}" for number in range(nodes)]
    running = [task for task in deployment.master("/tasks")["tasks"] if task["state"] == "TASK_RUNNING"]
    assert sorted(task["name"] for task in running) == [f"node-{number}" for number in range(nodes)]
    assert len(deployment.volumes()) == len(deployment.sandboxes()) == nodes
