"""Every setting: its variable, where it stands in ``Settings``, its rule and its meaning.

The default file, the documentation and the check of a configuration are all made from this table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.daemon.configuration import kinds
from scheduler.daemon.configuration.kinds import Choice, Flag, Kind, Number, PlacementConstraint, Text, Whole

Values = Mapping[str, Any]
"""Values by variable name: those of the settings further up in the table, and what the start is told."""

RUNNING_USER = "RUNNING_USER"
MARATHON_APP = "MARATHON_APP_ID"


@dataclass(frozen=True)
class Setting:
    """One setting.

    ``path`` leads to its field in ``Settings``; it is empty where a setting only serves to derive another.
    The default is that field's, unless ``derive`` makes one of ``Values``; ``derived`` says how, in words.
    """

    name: str
    path: str
    kind: Kind
    meaning: str
    derived: str = ""
    derive: Callable[[Values], Any] | None = None
    secret: bool = False

    @property
    def key(self) -> str:
        """Its key in the file: the variable's name in lower case."""
        return self.name.lower()


@dataclass(frozen=True)
class Section:
    """Settings that belong together, under a heading."""

    title: str
    settings: tuple[Setting, ...]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _named(suffix: str) -> Callable[[Values], str]:
    """Slashes of the name become two underscores, as they do in ZooKeeper."""
    return lambda values: values["SERVICE_NAME"].strip("/").replace("/", "__") + suffix


def _always(value: Any) -> Callable[[Values], Any]:
    return lambda _values: value


def _api_url(values: Values) -> str:
    """Marathon names an app in a folder by the folder last: data/cassandra is cassandra-data."""
    if not values[MARATHON_APP]:
        return ""
    folders = values["SERVICE_NAME"].strip("/").split("/")
    return f"http://{'-'.join(reversed(folders))}.marathon.mesos:{values['API_PORT']}"


def _dc_url(values: Values) -> str:
    return f"{values['API_URL'].rstrip('/')}/v1/datacenter" if values["API_URL"] else ""


def _is_login(text: str) -> bool:
    user, _, password = text.partition(":")
    return bool(user and password)


def _is_service_name(text: str) -> bool:
    folders = text.removeprefix("/").split("/")
    return len(text) <= 200 and all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", part) for part in folders)


PORT = Whole(1, 65535)
CORES = Number(0.01, 1024)
MEGABYTES = Whole(32, 2**31 - 1)
LINE = Text()
FILE = Text("the path of a file")
NEEDED = Text(needed=True)
URL = Text("an http or https URL", kinds.is_url)
ARTIFACT = Text("an http, https or file URL", kinds.is_artifact)
MEMORY = Number(32, 2**31)
SHA512 = kinds.pattern("128 hexadecimal digits", "[0-9a-fA-F]{128}")
NAME = kinds.pattern("letters, digits, dots, dashes and underscores", "[A-Za-z0-9_.-]+", needed=True)
SERVICE_NAME = Text(
    "letters, digits, dots, dashes and underscores, and slashes between", _is_service_name, needed=True
)
RACK = kinds.pattern("letters, digits, dots, dashes and underscores, or @zone", "@?[A-Za-z0-9_.-]+", True)
ROLE = Text("a Mesos role: no blanks, no asterisk, no leading dash", kinds.is_role, needed=True)
DOMAIN = kinds.pattern("a domain name", r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
HOST = kinds.pattern("a host name or IP address", r"[A-Za-z0-9_.:-]+", needed=True)
SERVERS = Text("host:port,host:port,…", kinds.is_address_list, needed=True)
ZNODE = Text("the path of a znode, such as /mesos", kinds.is_znode, needed=True)
MASTER = Text("host:port or zk://host:port,host:port/path", kinds.is_master, needed=True)
LOGIN = Text("user:password", _is_login)
PATH = Text("an absolute path", lambda text: text.startswith("/"))
BUCKET = Text("s3://bucket[/prefix] or http(s)://host[:port]/bucket[/prefix]", kinds.is_backup_location)
URLS = Text("http or https URLs separated by commas", kinds.is_url_list)
LEVELS = Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
COLLECTORS = Choice(("G1", "SERIAL", "PARALLEL", "ZGC", "SHENANDOAH"))

SERVICE = Section(
    "The service as Mesos and ZooKeeper know it",
    (
        Setting(
            "SERVICE_NAME",
            "service.name",
            SERVICE_NAME,
            "Name of the framework, in DNS, and of its znode, /dcos-service-<name>. Cannot change.",
        ),
        Setting(
            "SERVICE_PRINCIPAL",
            "service.principal",
            NEEDED,
            "Mesos principal. Cannot change.",
            derived="<service_name>-principal",
            derive=_named("-principal"),
        ),
        Setting(
            "SERVICE_ROLE",
            "service.role",
            ROLE,
            "Mesos role; every cluster needs its own. Cannot change.",
            derived="<service_name>-role",
            derive=_named("-role"),
        ),
        Setting(
            "SERVICE_CLUSTER",
            "service.cluster",
            NEEDED,
            "Label of the cluster's reservations. Cannot change.",
            derived="<service_name>-cluster",
            derive=_named("-cluster"),
        ),
        Setting(
            "SERVICE_SECRET_FILE", "service.secret_file", FILE, "File with the Mesos credential's secret."
        ),
        Setting(
            "SERVICE_USER",
            "service.user",
            NEEDED,
            "Mesos user that the executors run as.",
            derived="the user running the daemon",
            derive=lambda values: values[RUNNING_USER],
        ),
        Setting(
            "SERVICE_FAILOVER_TIMEOUT_S",
            "service.failover_timeout_s",
            Number(0, 1e9),
            "Seconds for which Mesos keeps the nodes running without a scheduler.",
        ),
        Setting(
            "SERVICE_UNINSTALL",
            "uninstall",
            Flag(),
            "Takes the service away for good: all nodes, their data, reservations and records.",
        ),
    ),
)

MESOS = Section(
    "Mesos and ZooKeeper",
    (
        Setting(
            "MESOS_SERVERS",
            "",
            SERVERS,
            "ZooKeeper servers that know the leading master; for use without mesos_master.",
            derived="master.mesos:2181",
            derive=_always("master.mesos:2181"),
        ),
        Setting(
            "MESOS_PATH",
            "",
            ZNODE,
            "Znode of the masters; for use without mesos_master.",
            derived="/mesos",
            derive=_always("/mesos"),
        ),
        Setting(
            "MESOS_MASTER",
            "mesos_master",
            MASTER,
            "The Mesos master, or where ZooKeeper names it.",
            derived="zk://<mesos_servers><mesos_path>",
            derive=lambda values: f"zk://{values['MESOS_SERVERS']}{values['MESOS_PATH']}",
        ),
        Setting(
            "MESOS_REFUSE_SECONDS",
            "mesos_refuse_seconds",
            Number(0, 1e6),
            "Seconds for which an agent whose offer was no use is not offered again.",
        ),
        Setting(
            "ZOOKEEPER_SERVERS",
            "zookeeper_servers",
            SERVERS,
            "ZooKeeper servers that hold the service's records.",
        ),
        Setting(
            "ZOOKEEPER_AUTH",
            "zookeeper_auth",
            LOGIN,
            "user:password for digest ACLs on the records.",
            secret=True,
        ),
        Setting("ZOOKEEPER_AUTH_FILE", "zookeeper_auth_file", FILE, "File with user:password, instead."),
    ),
)

API = Section(
    "The REST API",
    (
        Setting("API_HOST", "api.host", HOST, "Address that the API listens on."),
        Setting("API_PORT", "api.port", PORT, "Port that the API listens on."),
        Setting(
            "API_URL",
            "api.url",
            URL,
            "How agents and other data centers reach the API.",
            derived="http://<service_name>.marathon.mesos:<api_port> under Marathon, else the own address",
            derive=_api_url,
        ),
        Setting(
            "API_AUTH",
            "api.auth",
            Choice(("none", "token", "jwt")),
            "Who may call the API: none leaves that to a proxy in front. Only none is there yet.",
            derived="none where api_host is loopback; elsewhere it must be set",
            derive=lambda values: "none" if is_loopback(values["API_HOST"]) else "",
        ),
        Setting("API_TOKENS_FILE", "api.tokens_file", FILE, "File with the tokens of api_auth token."),
        Setting("API_JWKS", "api.jwks", LINE, "File or URL with the keys of api_auth jwt."),
        Setting("API_TLS_CERT", "api.tls_cert", FILE, "File with the API's certificate. Not there yet."),
        Setting("API_TLS_KEY", "api.tls_key", FILE, "File with its key. Not there yet."),
        Setting("METRICS_AUTH", "metrics_auth", Flag(), "Whether /metrics needs a token too."),
        Setting("DNS_SUFFIX", "dns_suffix", DOMAIN, "Domain of Mesos-DNS; with it, /v1/connection has dns."),
        Setting("VIP_SUFFIX", "vip_suffix", DOMAIN, "Domain of virtual addresses; with it, it has vip."),
    ),
)

NODES = Section(
    "The nodes and where they may run",
    (
        Setting("NODES", "nodes", Whole(1, 1000), "Number of nodes."),
        Setting(
            "SEED_NODES",
            "seed_nodes",
            Whole(1, 1000),
            "How many of them are seeds.",
            derived="2, or 1 where there is one node",
            derive=lambda values: min(2, values["NODES"]),
        ),
        Setting(
            "SERVICE_ALLOW_SHRINK",
            "allow_shrink",
            Whole(1, 1000),
            "Number of nodes that one change may take away.",
        ),
        Setting(
            "PLACEMENT_CONSTRAINT",
            "placement_constraint",
            PlacementConstraint(),
            "Where nodes may run, Marathon style: field:OPERATOR[:parameter],… or JSON lists.",
        ),
        Setting("EXECUTOR_CPUS", "node.executor_cpus", CORES, "Cores of each executor."),
        Setting("EXECUTOR_MEMORY_MB", "node.executor_memory_mb", MEMORY, "Memory of each executor, in MB."),
        Setting(
            "EXECUTOR_URI",
            "executor_uri",
            ARTIFACT,
            "Where agents fetch the executor, if not from this scheduler.",
        ),
        Setting(
            "CLUSTER_TASK_CPUS",
            "node.cluster_task_cpus",
            CORES,
            "Cores kept free on each node's agent for maintenance.",
        ),
        Setting(
            "CLUSTER_TASK_MEMORY_MB",
            "node.cluster_task_memory_mb",
            MEMORY,
            "Memory kept free there for maintenance, in MB.",
        ),
    ),
)

CASSANDRA = Section(
    "Cassandra on each node; a change restarts the nodes one by one",
    (
        Setting(
            "CASSANDRA_CLUSTER_NAME",
            "node.cassandra.cluster_name",
            NEEDED,
            "Cassandra's own name of the cluster. Cannot change.",
            derived="<service_name>",
            derive=lambda values: values["SERVICE_NAME"],
        ),
        Setting("CASSANDRA_CPUS", "node.cassandra.cpus", CORES, "Cores of each node."),
        Setting("CASSANDRA_MEMORY_MB", "node.cassandra.memory_mb", MEMORY, "Memory of each node, in MB."),
        Setting(
            "CASSANDRA_DISK_MB",
            "node.cassandra.disk_mb",
            Number(1, 2**40),
            "Disk of each node, in MB. Cannot change.",
        ),
        Setting(
            "CASSANDRA_DISK_TYPE",
            "node.cassandra.disk_type",
            Choice(("ROOT", "MOUNT")),
            "ROOT takes a part of the agent's disk, MOUNT a disk of its own. Cannot change.",
        ),
        Setting("CASSANDRA_HEAP_SIZE_MB", "node.cassandra.heap_size_mb", MEGABYTES, "Java heap, in MB."),
        Setting(
            "CASSANDRA_HEAP_NEW_MB", "node.cassandra.heap_new_mb", MEGABYTES, "Young generation of it, in MB."
        ),
        Setting("CASSANDRA_GC_TYPE", "node.cassandra.gc_type", COLLECTORS, "Java's garbage collector."),
        Setting(
            "CASSANDRA_JVM_EXTRA_OPTS",
            "node.cassandra.jvm_extra_opts",
            LINE,
            "Options appended to the JVM's.",
        ),
        Setting(
            "CASSANDRA_VERSION",
            "node.cassandra.version",
            kinds.pattern("a version", r"[0-9A-Za-z_.+-]+"),
            "Version of the tarball.",
        ),
        Setting(
            "CASSANDRA_URI",
            "node.cassandra.uri",
            ARTIFACT,
            "Tarball of Cassandra, as the agents reach it. Must be set.",
        ),
        Setting("CASSANDRA_SHA512", "node.cassandra.sha512", SHA512, "Its checksum. Must be set."),
        Setting(
            "JRE_URI",
            "node.cassandra.jre_uri",
            ARTIFACT,
            "Tarball of a Java runtime, where the agents have none.",
        ),
        Setting("JRE_SHA512", "node.cassandra.jre_sha512", SHA512, "Its checksum."),
        Setting(
            "JOLOKIA_URI",
            "node.cassandra.jolokia_uri",
            ARTIFACT,
            "Jar of the Jolokia agent, if not in the tarball.",
        ),
        Setting("JOLOKIA_SHA512", "node.cassandra.jolokia_sha512", SHA512, "Its checksum."),
        Setting("JAVA_HOME", "node.cassandra.java_home", PATH, "Java runtime on the agents."),
        Setting("CASSANDRA_STORAGE_PORT", "node.cassandra.storage_port", PORT, "Port between nodes."),
        Setting(
            "CASSANDRA_SSL_STORAGE_PORT", "node.cassandra.ssl_storage_port", PORT, "The same, encrypted."
        ),
        Setting(
            "CASSANDRA_NATIVE_TRANSPORT_PORT", "node.cassandra.native_transport_port", PORT, "Port for CQL."
        ),
        Setting(
            "CASSANDRA_JMX_PORT",
            "node.cassandra.jmx_port",
            PORT,
            "Port for management by JMX, on loopback alone.",
        ),
        Setting(
            "CASSANDRA_JOLOKIA_PORT",
            "node.cassandra.jolokia_port",
            PORT,
            "Port for management by HTTP, on loopback alone.",
        ),
        Setting(
            "CASSANDRA_LOCATION_DATA_CENTER",
            "node.cassandra.data_center",
            NAME,
            "Data center. Cannot change.",
        ),
        Setting(
            "CASSANDRA_LOCATION_RACK",
            "node.cassandra.rack",
            RACK,
            "Rack; or @zone, @region or an attribute of the agents. Cannot change.",
        ),
        Setting(
            "CASSANDRA_ROLLING_RESTART_NAME",
            "node.cassandra.rolling_restart_name",
            LINE,
            "Any text; another one restarts the nodes one by one.",
        ),
    ),
)

OTHERS = Section(
    "Backups, other data centers, logs",
    (
        Setting("CQL_USER", "cql_user", LINE, "User for schema backups where CQL needs one."),
        Setting("CQL_PASSWORD_FILE", "cql_password_file", FILE, "File with its password."),
        Setting("CQL_CA_FILE", "cql_ca_file", FILE, "File with the CA of CQL's certificates."),
        Setting("BACKUP_LOCATION", "backup_location", BUCKET, "The service's own backups."),
        Setting(
            "BACKUP_CREDENTIALS_FILE", "backup_credentials_file", FILE, "File with the credentials for them."
        ),
        Setting("EXTERNAL_DCS", "external_dcs", URLS, "/v1/datacenter of the others."),
        Setting(
            "DC_URL",
            "dc_url",
            URL,
            "/v1/datacenter of this one, as the others reach it.",
            derived="<api_url>/v1/datacenter",
            derive=_dc_url,
        ),
        Setting(
            "DC_SYNC_MS", "dc_sync_ms", Whole(1000, 86400000), "Milliseconds between two looks at the others."
        ),
        Setting("SECRETS_KEY_FILE", "secrets_key_file", FILE, "File with the key for stored secrets."),
        Setting("LOG_LEVEL", "log_level", LEVELS, "Least severe message that is logged."),
        Setting("LOG_FORMAT", "log_format", Choice(("text", "json")), "How logs are written."),
    ),
)

SECTIONS = (SERVICE, MESOS, API, NODES, CASSANDRA, OTHERS)
SETTINGS = tuple(setting for section in SECTIONS for setting in section.settings)

YAML_KEY = "cassandra.yaml"
"""The key of the file under which keys of cassandra.yaml stand; in the environment they have the prefix."""

YAML_PATH = "node.cassandra.yaml"
YAML_PREFIX = "CASSANDRA_"

IGNORED = frozenset(
    {"EXECUTOR_API_PORT", "CASSANDRA_HEAP_GC", "CASSANDRA_PERSISTENT_VOLUME", "CASSANDRA_VOLUME_SIZE_MB"}
)
"""Variables that existing app definitions set, which never had or no longer have an effect."""
