"""The service's configuration, as typed values. ``daemon.configuration`` reads it; defaults stand here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.codec import Json

PARTITIONER, NUM_TOKENS = "Murmur3Partitioner", 16
"""Where cassandra.yaml is told nothing else."""


@dataclass(frozen=True)
class ServiceSettings:
    """Who the framework is, to Mesos and to ZooKeeper. Name, principal, role and cluster are immutable."""

    name: str = "cassandra"
    principal: str = "cassandra-principal"
    role: str = "cassandra-role"
    cluster: str = "cassandra-cluster"
    secret_file: str = ""
    user: str = "root"
    failover_timeout_s: float = 1209600.0

    @property
    def zk_root(self) -> str:
        """The znode below which everything of this service lies."""
        return "/dcos-service-" + self.name.strip("/").replace("/", "__")


@dataclass(frozen=True)
class ApiSettings:
    """Where the REST API listens and how others reach it."""

    host: str = "0.0.0.0"
    port: int = 9000
    url: str = ""
    auth: str = ""
    tokens_file: str = ""
    jwks: str = ""
    tls_cert: str = ""
    tls_key: str = ""


@dataclass(frozen=True)
class CassandraSettings:
    """One Cassandra node: its share of an agent, its JVM, ports and cassandra.yaml. Sizes in MB."""

    cluster_name: str = "cassandra"
    cpus: float = 0.5
    memory_mb: float = 4096.0
    disk_mb: float = 10240.0
    disk_type: str = "ROOT"
    heap_size_mb: int = 2048
    heap_new_mb: int = 100
    gc_type: str = "G1"
    jvm_extra_opts: str = ""
    version: str = ""
    uri: str = ""
    sha512: str = ""
    jre_uri: str = ""
    jre_sha512: str = ""
    jolokia_uri: str = ""
    jolokia_sha512: str = ""
    java_home: str = ""
    storage_port: int = 7000
    ssl_storage_port: int = 7001
    native_transport_port: int = 9042
    jmx_port: int = 7199
    jolokia_port: int = 8778
    data_center: str = "dc1"
    rack: str = "rac1"
    rolling_restart_name: str = ""
    yaml: Mapping[str, Json] = field(default_factory=dict)

    @functools.cached_property
    def ports(self) -> tuple[int, ...]:
        """Every port that a node has to itself on its agent."""
        return (
            self.storage_port,
            self.ssl_storage_port,
            self.native_transport_port,
            self.jmx_port,
            self.jolokia_port,
        )

    @property
    def num_tokens(self) -> Json:
        """How many parts of the ring a node has."""
        return self.yaml.get("num_tokens", NUM_TOKENS)

    @property
    def partitioner(self) -> str:
        """The partitioner's name, without the Java package that may stand before it."""
        return str(self.yaml.get("partitioner", PARTITIONER)).rpartition(".")[2]


@dataclass(frozen=True)
class NodeSettings:
    """What concerns the nodes: a change of it is rolled out node by node. Sizes in MB."""

    cassandra: CassandraSettings = field(default_factory=CassandraSettings)
    executor_cpus: float = 0.1
    executor_memory_mb: float = 256.0
    cluster_task_cpus: float = 0.5
    cluster_task_memory_mb: float = 512.0

    @functools.cached_property
    def cpus(self) -> float:
        """Cores to reserve for a node: server, executor and the slot of maintenance tasks."""
        return round(self.cassandra.cpus + self.executor_cpus + self.cluster_task_cpus, 3)

    @functools.cached_property
    def memory_mb(self) -> float:
        """Memory to reserve for a node, in MB: server, executor and the slot of maintenance tasks."""
        return round(self.cassandra.memory_mb + self.executor_memory_mb + self.cluster_task_memory_mb, 3)


@dataclass(frozen=True)
class Settings:
    """The effective configuration of one start of the daemon."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    mesos_master: str = "zk://master.mesos:2181/mesos"
    mesos_refuse_seconds: float = 5.0
    zookeeper_servers: str = "master.mesos:2181"
    zookeeper_auth: str = ""
    zookeeper_auth_file: str = ""
    api: ApiSettings = field(default_factory=ApiSettings)
    dns_suffix: str = ""
    vip_suffix: str = ""
    nodes: int = 3
    seed_nodes: int = 2
    allow_shrink: int = 1
    uninstall: bool = False
    placement_constraint: str = "hostname:UNIQUE"
    node: NodeSettings = field(default_factory=NodeSettings)
    executor_uri: str = ""
    cql_user: str = ""
    cql_password_file: str = ""
    cql_ca_file: str = ""
    backup_location: str = ""
    backup_credentials_file: str = ""
    external_dcs: str = ""
    dc_url: str = ""
    dc_sync_ms: int = 60000
    secrets_key_file: str = ""
    metrics_auth: bool = False
    log_level: str = "INFO"
    log_format: str = "text"
