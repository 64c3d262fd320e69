"""The parts of a cluster: the process that each is, when it is ready, and how it ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local import addresses, http
from local.addresses import AGENT_PORT, HOST
from local.layout import BUCKET, S3_KEYS, Layout

AGENT_RESOURCES = "cpus:4;mem:8192;disk:20000;ports:[7000-7999,8778-8778,9042-9042]"

SMALL_JVM = "-Xms32M -Xss512k -XX:TieredStopAtLevel=1 -XX:+PerfDisableSharedMem"
FAST_START = (
    "-Dcassandra.ring_delay_ms=5000 -Dcassandra.skip_wait_for_gossip_to_settle=0 "
    "-Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.consistent.rangemovement=false "
    "-Dcassandra.broadcast_interval_ms=2000 -Dcassandra.shutdown_announce_in_ms=0"
)
"""Short waits for gossip, which a machine that talks to itself can afford. Never for a real cluster.

A node that restarts looks for a seed for twice the ring delay: shorter, and not all of three nodes that are
started at once on two cores find one in time.
"""

STOP_SECONDS = 15.0
DRAIN_SECONDS = 120.0

ZOOKEEPER_LOG = """\
<configuration>
  <appender name="stdout" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="stdout"/></root>
</configuration>
"""


@dataclass(frozen=True)
class Part:
    """One process. ``stop`` is the signal that ends it for good: an agent has its nodes drained first."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    """Configuration to write before it is started."""
    stop: signal.Signals = signal.SIGTERM
    stop_seconds: float = STOP_SECONDS


def agent_names(layout: Layout) -> list[str]:
    """The names of the agents."""
    return [f"agent-{number}" for number in range(1, layout.agents + 1)]


def parts(layout: Layout, data: Path) -> dict[str, Part]:
    """All parts by name, in the order in which they are started."""
    agents = [_agent(layout, data, number) for number in range(1, layout.agents + 1)]
    store, scheduler = _s3(layout), _scheduler(layout, data)
    all_parts = [_zookeeper(layout, data), store, _master(layout, data), *agents, scheduler]
    return {part.name: part for part in all_parts}


def _zookeeper(layout: Layout, data: Path) -> Part:
    folder = data / "zookeeper"
    log_configuration = folder / "logback.xml"
    configuration = (
        f"dataDir={folder}\nclientPort={layout.addresses.zookeeper_port}\nclientPortAddress={HOST}\n"
        "tickTime=1000\nmaxClientCnxns=0\nadmin.enableServer=false\n"
        "autopurge.purgeInterval=1\n"
    )
    command = (
        f"{layout.software.java_home}/bin/java",
        "-Xmx48M",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Dlogback.configurationFile={log_configuration}",
        "-cp",
        f"{layout.software.zookeeper_jars}/*",
        "org.apache.zookeeper.server.ZooKeeperServerMain",
        str(folder / "zoo.cfg"),
    )
    files = {folder / "zoo.cfg": configuration, log_configuration: ZOOKEEPER_LOG}
    return Part("zookeeper", command, partial(_zookeeper_serves, layout), files=files)


def _s3(layout: Layout) -> Part:
    port = layout.addresses.s3_port
    command = (sys.executable, "-m", "local.s3", f"--host={HOST}", f"--port={port}", f"--bucket={BUCKET}")
    return Part("s3", command, partial(_answers_200, HOST, port, f"/{BUCKET}"))


def _master(layout: Layout, data: Path) -> Part:
    return mesos_master(HOST, layout.addresses.master_port, data / "master", {})


def mesos_master(host: str, port: int, work_dir: Path, flags: Mapping[str, str]) -> Part:
    """A Mesos master with further flags of its own."""
    given = {"ip": host, "port": str(port), "work_dir": str(work_dir), **flags}
    ready = partial(_answers_200, host, port, "/health")
    return Part("master", _command("local.mesos.master", given), ready)


def _agent(layout: Layout, data: Path, number: int) -> Part:
    flags = {
        "resources": AGENT_RESOURCES,
        "executor_environment_variables": json.dumps({"PATH": _executor_path(layout)}),
    }
    name = f"agent-{number}"
    return mesos_agent(name, layout.master, layout.addresses.agent(number), data / name, flags)


def mesos_agent(name: str, master: str, host: str, work_dir: Path, flags: Mapping[str, str]) -> Part:
    """A Mesos agent of the master's (host:port), with its resources and other things among the flags."""
    given = {
        "master": master,
        "ip": host,
        "hostname": host,
        "port": str(AGENT_PORT),
        "work_dir": str(work_dir),
        **flags,
    }
    command = _command("local.mesos.agent", given)
    ready = partial(_answers_200, host, AGENT_PORT, "/health")
    return Part(name, command, ready, stop=signal.SIGUSR1, stop_seconds=DRAIN_SECONDS)


def _command(module: str, flags: Mapping[str, str]) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *(f"--{name}={value}" for name, value in flags.items()))


def _executor_path(layout: Layout) -> str:
    """Where executors find python3 and java: an agent hands nothing of its own environment on."""
    python, java = Path(sys.base_prefix) / "bin", Path(layout.software.java_home) / "bin"
    return os.pathsep.join((str(python), str(java), os.defpath))


def _scheduler(layout: Layout, data: Path) -> Part:
    credentials = data / "s3" / "credentials"
    own = {"BACKUP_LOCATION": layout.s3, "BACKUP_CREDENTIALS_FILE": str(credentials)}
    environment = {**_profile(layout), **own, **layout.settings}
    ready = partial(_answers, HOST, layout.addresses.api_port, "/v1/health")
    access, secret = S3_KEYS
    text = f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n"
    command = (sys.executable, "-m", "scheduler")
    return Part("scheduler", command, ready, environment, files={credentials: text})


def _profile(layout: Layout) -> dict[str, str]:
    """The scheduler's settings for a small machine, as Marathon would set them."""
    software = layout.software
    return {
        "SERVICE_NAME": "cassandra",
        "MESOS_MASTER": layout.master,
        "ZOOKEEPER_SERVERS": layout.zookeeper,
        "API_HOST": HOST,
        "API_PORT": str(layout.addresses.api_port),
        "NODES": str(layout.nodes),
        "JAVA_HOME": software.java_home,
        "CASSANDRA_VERSION": software.cassandra_version,
        "CASSANDRA_URI": software.cassandra_uri,
        "CASSANDRA_SHA512": software.cassandra_sha512,
        "CASSANDRA_MEMORY_MB": "768",
        "CASSANDRA_DISK_MB": "4096",
        "CASSANDRA_HEAP_SIZE_MB": "256",
        "CASSANDRA_GC_TYPE": "SERIAL",
        "CASSANDRA_JVM_EXTRA_OPTS": f"{SMALL_JVM} {FAST_START}",
        "CASSANDRA_STORAGE_PORT": str(addresses.STORAGE_PORT),
        "CASSANDRA_SSL_STORAGE_PORT": str(addresses.SSL_STORAGE_PORT),
        "CASSANDRA_JMX_PORT": str(addresses.JMX_PORT),
        "CASSANDRA_JOLOKIA_PORT": str(addresses.JOLOKIA_PORT),
        "CASSANDRA_NATIVE_TRANSPORT_PORT": str(addresses.NATIVE_PORT),
    }


def is_registered(host: str) -> bool:
    """Whether the agent at this address says that the master counts on it. Agents ask nobody for a login."""
    _, metrics = http.get(host, AGENT_PORT, "/metrics/snapshot")
    return isinstance(metrics, dict) and metrics.get("slave/registered") == 1.0


def _answers(host: str, port: int, path: str) -> bool:
    return http.get(host, port, path)[0] != 0


def _answers_200(host: str, port: int, path: str) -> bool:
    return http.get(host, port, path)[0] == 200


def _zookeeper_serves(layout: Layout) -> bool:
    try:
        with socket.create_connection((HOST, layout.addresses.zookeeper_port), timeout=1) as connection:
            connection.settimeout(1)
            connection.sendall(b"srvr")
            return b"Mode:" in connection.makefile("rb").read()
    except OSError:
        return False
