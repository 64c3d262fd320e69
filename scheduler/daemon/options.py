"""Every setting: its variable, where its value goes, its rule and its meaning. All else comes from here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scheduler.model.placement import ConstraintError, parse
from scheduler.model.settings import Settings

Rule = Callable[[Any], str | None]
"""What is wrong with a value, as the end of a sentence that begins with it; None when nothing is."""


@dataclass(frozen=True)
class Option:
    """One setting. ``path`` is the attribute of ``Settings``; its key in the file is in lower case."""

    variable: str
    path: str
    meaning: str
    rule: Rule | None = None

    @property
    def key(self) -> str:
        """The key in scheduler.yml."""
        return self.variable.lower()

    @property
    def default(self) -> Any:
        """The value where nothing is set."""
        return value_at(Settings(), self.path)

    @property
    def kind(self) -> type:
        """The type of the value: str, int, float or bool."""
        return type(self.default)


def value_at(settings: Any, path: str) -> Any:
    """The attribute that a dotted path names."""
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def with_value(settings: Any, path: str, value: Any) -> Any:
    """The settings with the attribute that a dotted path names replaced."""
    name, _, rest = path.partition(".")
    inner = with_value(getattr(settings, name), rest, value) if rest else value
    return dataclasses.replace(settings, **{name: inner})


def at_least(least: float) -> Rule:
    """A number not below ``least``."""
    return lambda value: None if value >= least else f"is below {least:g}"


def more_than(bound: float) -> Rule:
    """A number above ``bound``."""
    return lambda value: None if value > bound else f"is not above {bound:g}"


def between(least: float, most: float) -> Rule:
    """A number within bounds, both included."""
    return lambda value: None if least <= value <= most else f"is not between {least:g} and {most:g}"


def one_of(*choices: str) -> Rule:
    """One of some words."""
    return lambda value: None if value in choices else f"is none of {', '.join(choices)}"


def like(pattern: str, what: str) -> Rule:
    """A text that matches a regular expression, or is empty."""
    return lambda value: None if not value or re.fullmatch(pattern, value) else f"is not {what}"


def constraint(value: str) -> str | None:
    """Placement constraints that can be read."""
    try:
        parse(value)
    except ConstraintError as error:
        return f"is not a placement constraint: {error}"
    return None


port = between(1, 65535)
sha512 = like(r"[0-9a-fA-F]{128}", "a SHA-512 in hex (128 digits)")
fetchable = like(r"(https?|file)://.+", "an http, https or file address")
name = like(
    r"/?[a-zA-Z0-9]([a-zA-Z0-9._/-]*[a-zA-Z0-9])?", "a name of letters, digits, dots, dashes and slashes"
)
identifier = like(r"[^\s/\\\x00-\x1f]{1,255}", "a name without blanks and slashes")
hosts = like(r"[^\s,:/]+:\d+(,[^\s,:/]+:\d+)*", "host:port[,host:port…]")
master = like(r"zk://[^\s/]+/\S+|[^\s/:]+(:\d+)?", "host:port or zk://host:port[,…]/path")

OPTIONS: tuple[Option, ...] = (
    Option("SERVICE_NAME", "service.name", "Framework name, ZooKeeper root and DNS name; immutable", name),
    Option("SERVICE_PRINCIPAL", "service.principal", "Mesos principal; immutable; default <name>-principal"),
    Option(
        "SERVICE_ROLE",
        "service.role",
        "Mesos role of the reservations; immutable; default <name>-role",
        identifier,
    ),
    Option(
        "SERVICE_CLUSTER", "service.cluster", "Label of the reservations; immutable; default <name>-cluster"
    ),
    Option("SERVICE_SECRET_FILE", "service.secret_file", "File with the secret of the Mesos credential"),
    Option(
        "SERVICE_USER",
        "service.user",
        "User that the executors run as; default: the daemon's own",
        identifier,
    ),
    Option(
        "SERVICE_FAILOVER_TIMEOUT_S",
        "service.failover_timeout_s",
        "Seconds that Mesos keeps the tasks without us",
        between(60, 31536000),
    ),
    Option("MESOS_MASTER", "mesos_master", "The Mesos master: host:port or zk://host:port,…/path", master),
    Option(
        "MESOS_REFUSE_SECONDS",
        "mesos_refuse_seconds",
        "How long an offer that does not do is refused",
        between(1, 3600),
    ),
    Option(
        "ZOOKEEPER_SERVERS", "zookeeper_servers", "ZooKeeper of the service's state: host:port[,…]", hosts
    ),
    Option(
        "ZOOKEEPER_AUTH",
        "zookeeper_auth",
        "user:password for digest ACLs",
        like(r"[^:\s]+:\S+", "user:password"),
    ),
    Option("ZOOKEEPER_AUTH_FILE", "zookeeper_auth_file", "File that holds user:password instead"),
    Option("API_HOST", "api.host", "Address that the REST API listens on"),
    Option("API_PORT", "api.port", "Port that the REST API listens on", port),
    Option(
        "API_URL",
        "api.url",
        "How agents and others reach the API; default: the Marathon name or the own address",
        like(r"https?://\S+", "an http or https address"),
    ),
    Option(
        "API_AUTH",
        "api.auth",
        "Who may use the API; none: whoever reaches it. Must be set unless API_HOST is loopback",
        like("none|token|jwt", "none, token or jwt"),
    ),
    Option("API_TOKENS_FILE", "api.tokens_file", "File with static tokens"),
    Option("API_JWKS", "api.jwks", "File or address of the keys that sign tokens"),
    Option("API_TLS_CERT", "api.tls_cert", "Certificate of the API"),
    Option("API_TLS_KEY", "api.tls_key", "Key of that certificate"),
    Option("DNS_SUFFIX", "dns_suffix", "Domain of the nodes' DNS names, such as mesos"),
    Option("VIP_SUFFIX", "vip_suffix", "Domain of the load-balanced name, such as l4lb.thisdcos.directory"),
    Option("NODES", "nodes", "Number of Cassandra nodes", between(1, 1000)),
    Option("SEED_NODES", "seed_nodes", "Number of seeds among them; default 2, or 1 of 1", at_least(1)),
    Option(
        "SERVICE_ALLOW_SHRINK",
        "allow_shrink",
        "How many nodes one change of NODES may take away",
        at_least(1),
    ),
    Option(
        "PLACEMENT_CONSTRAINT",
        "placement_constraint",
        "Where nodes may run, as field:OPERATOR[:parameter],…",
        constraint,
    ),
    Option(
        "CASSANDRA_CLUSTER_NAME",
        "node.cassandra.cluster_name",
        "Cassandra's own cluster name; immutable; default SERVICE_NAME",
    ),
    Option("CASSANDRA_CPUS", "node.cassandra.cpus", "Cores of the server task", more_than(0)),
    Option("CASSANDRA_MEMORY_MB", "node.cassandra.memory_mb", "Memory of the server task", at_least(256)),
    Option(
        "CASSANDRA_DISK_MB",
        "node.cassandra.disk_mb",
        "Size of the persistent volume; immutable",
        at_least(128),
    ),
    Option(
        "CASSANDRA_DISK_TYPE",
        "node.cassandra.disk_type",
        "ROOT, or MOUNT for a disk of its own; immutable",
        one_of("ROOT", "MOUNT"),
    ),
    Option("CASSANDRA_HEAP_SIZE_MB", "node.cassandra.heap_size_mb", "Heap of the JVM", at_least(64)),
    Option(
        "CASSANDRA_HEAP_NEW_MB",
        "node.cassandra.heap_new_mb",
        "Young generation, for collectors that take it",
        at_least(1),
    ),
    Option(
        "CASSANDRA_GC_TYPE",
        "node.cassandra.gc_type",
        "Garbage collector",
        one_of("G1", "SERIAL", "PARALLEL", "ZGC", "SHENANDOAH"),
    ),
    Option("CASSANDRA_JVM_EXTRA_OPTS", "node.cassandra.jvm_extra_opts", "Appended to the JVM's options"),
    Option("CASSANDRA_VERSION", "node.cassandra.version", "Version of the distribution"),
    Option(
        "CASSANDRA_URI",
        "node.cassandra.uri",
        "Cassandra's tarball, as the agents reach it; required",
        fetchable,
    ),
    Option("CASSANDRA_SHA512", "node.cassandra.sha512", "Its checksum; required", sha512),
    Option(
        "JRE_URI", "node.cassandra.jre_uri", "A Java runtime's tarball, where the agents have none", fetchable
    ),
    Option("JRE_SHA512", "node.cassandra.jre_sha512", "Its checksum", sha512),
    Option(
        "JOLOKIA_URI",
        "node.cassandra.jolokia_uri",
        "Jolokia's JVM agent, unless the distribution has it in lib/",
        fetchable,
    ),
    Option("JOLOKIA_SHA512", "node.cassandra.jolokia_sha512", "Its checksum", sha512),
    Option("JAVA_HOME", "node.cassandra.java_home", "Java of the agents; default: the java on their path"),
    Option("CASSANDRA_STORAGE_PORT", "node.cassandra.storage_port", "Port between nodes", port),
    Option(
        "CASSANDRA_SSL_STORAGE_PORT", "node.cassandra.ssl_storage_port", "Port between nodes with TLS", port
    ),
    Option("CASSANDRA_NATIVE_TRANSPORT_PORT", "node.cassandra.native_transport_port", "Port for CQL", port),
    Option("CASSANDRA_JMX_PORT", "node.cassandra.jmx_port", "Port for management, on loopback only", port),
    Option(
        "CASSANDRA_JOLOKIA_PORT",
        "node.cassandra.jolokia_port",
        "Port for management over HTTP, on loopback only",
        port,
    ),
    Option("CASSANDRA_LOCATION_DATA_CENTER", "node.cassandra.data_center", "Data center; immutable"),
    Option("CASSANDRA_LOCATION_RACK", "node.cassandra.rack", "Rack; immutable"),
    Option(
        "CASSANDRA_ROLLING_RESTART_NAME",
        "node.cassandra.rolling_restart_name",
        "Change it to restart the nodes one by one",
    ),
    Option("EXECUTOR_CPUS", "node.executor_cpus", "Cores of an executor", more_than(0)),
    Option("EXECUTOR_MEMORY_MB", "node.executor_memory_mb", "Memory of an executor", at_least(64)),
    Option(
        "EXECUTOR_URI",
        "executor_uri",
        "The executor's bundle; by default the scheduler serves its own",
        fetchable,
    ),
    Option("CLUSTER_TASK_CPUS", "node.cluster_task_cpus", "Cores kept for maintenance tasks", more_than(0)),
    Option(
        "CLUSTER_TASK_MEMORY_MB",
        "node.cluster_task_memory_mb",
        "Memory kept for maintenance tasks",
        at_least(64),
    ),
    Option("CQL_USER", "cql_user", "CQL user of schema backup and restore"),
    Option("CQL_PASSWORD_FILE", "cql_password_file", "File with that user's password"),
    Option("CQL_CA_FILE", "cql_ca_file", "File with the CA of the nodes' CQL certificates"),
    Option("BACKUP_LOCATION", "backup_location", "The service's own place of backups"),
    Option("BACKUP_CREDENTIALS_FILE", "backup_credentials_file", "File with the credentials for it"),
    Option("EXTERNAL_DCS", "external_dcs", "Addresses of other data centers' services"),
    Option("DC_URL", "dc_url", "This data center's address for others"),
    Option("DC_SYNC_MS", "dc_sync_ms", "How often other data centers are asked", at_least(1000)),
    Option("SECRETS_KEY_FILE", "secrets_key_file", "Key that encrypts what secret must outlive a leader"),
    Option("METRICS_AUTH", "metrics_auth", "Whether /metrics needs a token"),
    Option("LOG_LEVEL", "log_level", "How much is logged", one_of("DEBUG", "INFO", "WARNING", "ERROR")),
    Option("LOG_FORMAT", "log_format", "How it is logged", one_of("text", "json")),
)

SECRET = frozenset({"ZOOKEEPER_AUTH"})
"""Settings whose value is never shown."""
