"""Settings of the service as Mesos and ZooKeeper know it."""

from __future__ import annotations

from collections.abc import Callable

from scheduler.daemon.configuration.kinds import Flag, Number
from scheduler.daemon.configuration.setting import RUNNING_USER, Section, Setting, Values, always
from scheduler.daemon.configuration.values import (
    FILE,
    LOGIN,
    MASTER,
    NEEDED,
    ROLE,
    SERVERS,
    SERVICE_NAME,
    ZNODE,
)


def _named(suffix: str) -> Callable[[Values], str]:
    """Slashes of the name become two underscores, as they do in ZooKeeper."""
    return lambda values: values["SERVICE_NAME"].strip("/").replace("/", "__") + suffix


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
            derive=always("master.mesos:2181"),
        ),
        Setting(
            "MESOS_PATH",
            "",
            ZNODE,
            "Znode of the masters; for use without mesos_master.",
            derived="/mesos",
            derive=always("/mesos"),
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
