"""Settings of Cassandra on each node."""

from __future__ import annotations

from scheduler.daemon.configuration import kinds
from scheduler.daemon.configuration.kinds import Choice, Number
from scheduler.daemon.configuration.setting import Section, Setting
from scheduler.daemon.configuration.values import (
    ARTIFACT,
    COLLECTORS,
    CORES,
    LINE,
    MEGABYTES,
    MEMORY,
    NAME,
    NEEDED,
    PATH,
    PORT,
    RACK,
    SHA512,
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
