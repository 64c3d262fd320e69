"""The parts of a cluster: how each is started, when it is ready, how it is ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.addresses import AGENT_PORT, NODE_PORTS, Addresses
from local.jars import Tarball

AGENT_RESOURCES = "cpus:4;mem:8192;disk:20000;ports:[7000-7001,7199-7199,8778-8778,9042-9042]"

FAST_START = (
    "-XX:TieredStopAtLevel=1 -Xss512k -Dcassandra.ring_delay_ms=2000 "
    "-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.superuser_setup_delay_ms=0 "
    "-Dcassandra.consistent.rangemovement=false -Dcassandra.broadcast_interval_ms=2000 "
    "-Dcassandra.shutdown_announce_in_ms=0"
)
"""Short waits for gossip, which a machine talking to itself can afford. Never for a real cluster."""

DRAIN_SECONDS = 120.0


@dataclass(frozen=True)
class Part:
    """One process. ``address`` answers TCP once it is up; ``stop`` is the signal that ends it cleanly."""

    name: str
    command: tuple[str, ...]
    address: tuple[str, int]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: int = signal.SIGTERM
    stop_seconds: float = 10.0


@dataclass(frozen=True)
class Plan:
    """What a cluster consists of; stored with its data, for its addresses must stay."""

    nodes: int
    addresses: Addresses
    settings: tuple[tuple[str, str], ...] = ()
    """Further settings of the scheduler, which win over those of this machine's profile."""

    @property
    def api(self) -> str:
        """The REST API's address."""
        return f"http://{self.addresses.host(1)}:{self.addresses.api_port}"

    @property
    def master(self) -> str:
        """The Mesos master's host:port."""
        return f"{self.addresses.host(1)}:{self.addresses.master_port}"

    @property
    def zookeeper(self) -> str:
        """ZooKeeper's host:port."""
        return f"{self.addresses.host(1)}:{self.addresses.zookeeper_port}"


def parts(plan: Plan, data: Path, java: Path, zookeeper: Path, cassandra: Tarball) -> list[Part]:
    """All parts, in the order in which they are started."""
    agents = [_agent(plan, data, java, number) for number in range(1, plan.nodes + 1)]
    return [
        _zookeeper(plan, data, java, zookeeper),
        _master(plan, data),
        *agents,
        _scheduler(plan, java, cassandra),
    ]


def _zookeeper(plan: Plan, data: Path, java: Path, jars: Path) -> Part:
    host, port = plan.addresses.host(1), plan.addresses.zookeeper_port
    folder = data / "zookeeper"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "zoo.cfg"
    config.write_text(
        f"dataDir={folder}\nclientPort={port}\nclientPortAddress={host}\n"
        "tickTime=1000\nmaxClientCnxns=0\nadmin.enableServer=false\nautopurge.purgeInterval=1\n"
    )
    options = ("-Xmx48M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    main = "org.apache.zookeeper.server.ZooKeeperServerMain"
    return Part("zookeeper", (str(java), *options, "-cp", f"{jars}/*", main, str(config)), (host, port))


def _master(plan: Plan, data: Path) -> Part:
    host, port = plan.addresses.host(1), plan.addresses.master_port
    flags = (f"--ip={host}", f"--port={port}", f"--work_dir={data / 'master'}")
    return Part("master", (sys.executable, "-m", "local.mesos.master", *flags), (host, port))


def _agent(plan: Plan, data: Path, java: Path, number: int) -> Part:
    host = plan.addresses.host(number)
    # A real agent hands nothing of its own environment on: what executors need to find has to be named.
    path = os.pathsep.join(
        (str(Path(sys.executable).parent), str(java.parent), os.environ.get("PATH", os.defpath))
    )
    flags = (
        f"--master={plan.master}",
        f"--ip={host}",
        f"--hostname={host}",
        f"--port={AGENT_PORT}",
        f"--work_dir={data / f'agent-{number}'}",
        f"--resources={AGENT_RESOURCES}",
        f"--attributes=host:h{number};rack:r{number};zone:z{number}",
        f"--executor_environment_variables={json.dumps({'PATH': path})}",
    )
    command = (sys.executable, "-m", "local.mesos.agent", *flags)
    return Part(f"agent-{number}", command, (host, AGENT_PORT), {}, signal.SIGUSR1, DRAIN_SECONDS)


def _scheduler(plan: Plan, java: Path, cassandra: Tarball) -> Part:
    host, port = plan.addresses.host(1), plan.addresses.api_port
    environment = {**_profile(plan, java, cassandra), **dict(plan.settings)}
    return Part("scheduler", (sys.executable, "-m", "scheduler"), (host, port), environment)


def _profile(plan: Plan, java: Path, cassandra: Tarball) -> dict[str, str]:
    """The scheduler's settings for a small machine, as Marathon would set them."""
    storage, ssl_storage, jmx, jolokia, native = NODE_PORTS
    return {
        "SERVICE_NAME": "cassandra",
        "MESOS_MASTER": plan.master,
        "ZOOKEEPER_SERVERS": plan.zookeeper,
        "API_HOST": plan.addresses.host(1),
        "API_PORT": str(plan.addresses.api_port),
        "NODES": str(plan.nodes),
        "CASSANDRA_VERSION": cassandra.version,
        "CASSANDRA_URI": cassandra.path.as_uri(),
        "CASSANDRA_SHA512": cassandra.sha512,
        "JAVA_HOME": str(java.parent.parent),
        "CASSANDRA_MEMORY_MB": "1024",
        "CASSANDRA_DISK_MB": "4096",
        "CASSANDRA_HEAP_SIZE_MB": "256",
        "CASSANDRA_GC_TYPE": "SERIAL",
        "CASSANDRA_JVM_EXTRA_OPTS": FAST_START,
        "CASSANDRA_STORAGE_PORT": str(storage),
        "CASSANDRA_SSL_STORAGE_PORT": str(ssl_storage),
        "CASSANDRA_JMX_PORT": str(jmx),
        "CASSANDRA_JOLOKIA_PORT": str(jolokia),
        "CASSANDRA_NATIVE_TRANSPORT_PORT": str(native),
        "EXECUTOR_MEMORY_MB": "128",
        "CLUSTER_TASK_MEMORY_MB": "256",
        "MESOS_REFUSE_SECONDS": "1",
    }
