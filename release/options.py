"""The scheduler's settings as options of a DC/OS package: grouped, typed and bounded, from the one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scheduler.daemon.configuration import cassandra_yaml
from scheduler.daemon.configuration.cassandra_keys import KEYS_BY_KIND
from scheduler.daemon.configuration.kinds import LONGEST_TEXT, Choice, Flag, Kind, Number, Text, Whole
from scheduler.daemon.configuration.printing import plain
from scheduler.daemon.configuration.reading import value_of
from scheduler.daemon.configuration.setting import Section, Setting
from scheduler.daemon.configuration.table import SECTIONS, YAML_PREFIX

Json = Any

GROUPS = {
    "The service as Mesos and ZooKeeper know it": "service",
    "Mesos and ZooKeeper": "mesos",
    "The REST API": "api",
    "The nodes and where they may run": "nodes",
    "Cassandra on each node; a change restarts the nodes one by one": "cassandra",
    "Backups, other data centers, logs": "operations",
}
"""The names of the groups, by the titles of the sections."""

YAML_GROUP = "cassandra_yaml"

LEFT_OUT = frozenset(
    {
        "SERVICE_SECRET_FILE",  # comes from service.service_account_secret
        "SERVICE_UNINSTALL",  # ordered by uninstalling the package
        "MESOS_SERVERS",  # only derive MESOS_MASTER
        "MESOS_PATH",
        "ZOOKEEPER_AUTH",  # a password: it would stand in the app; ZOOKEEPER_AUTH_FILE names a file instead
        "API_HOST",  # the agents must reach it, so it is never another than all addresses
    }
)

KEYS = {"NODES": "count", "SERVICE_PRINCIPAL": "service_account"}
"""Options that are not called like their variables."""

DEFAULTS: dict[str, Json] = {
    "SERVICE_USER": "nobody",
    "API_AUTH": "none",
    "DNS_SUFFIX": "mesos",
    "VIP_SUFFIX": "l4lb.thisdcos.directory",
}
"""What is another default on DC/OS: its users, its Admin Router in front of the API, its domains."""

REQUIRED = frozenset({"CASSANDRA_URI", "CASSANDRA_SHA512"})
"""Options without a default: what the cluster runs is not for the package to say."""

NARROWER: dict[str, dict[str, Json]] = {
    "SERVICE_NAME": {
        "minLength": 1,
        "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(/[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    },
    "CASSANDRA_URI": {"minLength": 1},
    "CASSANDRA_SHA512": {"pattern": "^[0-9a-fA-F]{128}$"},
}
"""What Marathon, whose app has the service's name, and a package allow less of."""

LARGEST = 2**31 - 1
"""DC/OS renders larger whole numbers with an exponent."""


@dataclass(frozen=True)
class Option:
    """An option of a group, the variable that it sets, and the JSON schema of its values."""

    group: str
    key: str
    variable: str
    schema: dict[str, Json]

    @property
    def required(self) -> bool:
        """Whether there is no package without it."""
        return self.variable in REQUIRED


def options() -> Iterator[Option]:
    """One for each setting that a package may set, then one for each key of cassandra.yaml."""
    for section in SECTIONS:
        for setting in section.settings:
            if setting.name not in LEFT_OUT:
                yield _of_setting(section, setting)
    for key in sorted(key for keys in KEYS_BY_KIND.values() for key in keys.split()):
        if key not in cassandra_yaml.OWNED and key not in cassandra_yaml.ELSEWHERE:
            yield _of_key(key)


def _of_setting(section: Section, setting: Setting) -> Option:
    group = GROUPS[section.title]
    key = KEYS.get(setting.name, setting.key.removeprefix(f"{group}_"))
    description = setting.meaning
    if setting.derived and setting.name not in DEFAULTS:
        description += f" By default {setting.derived}."
    schema = {**_schema(setting.kind, bool(setting.derive)), "description": description}
    default = DEFAULTS.get(setting.name, None if setting.derive else plain(value_of(setting)))
    if default is not None and setting.name not in REQUIRED:
        schema["default"] = default
    return Option(group, key, setting.name, schema | NARROWER.get(setting.name, {}))


def _of_key(key: str) -> Option:
    kind = cassandra_yaml.kind_of(key)
    rule = kind.rule[:1].upper() + kind.rule[1:]
    words = cassandra_yaml.KINDS[key].partition("one of ")[2].split()
    values = {"type": "string", "enum": words} if words else _schema(kind, True)
    schema = {**values, "description": f"{rule}."}
    if key in cassandra_yaml.DEFAULTS:
        schema["default"] = cassandra_yaml.DEFAULTS[key]
    return Option(YAML_GROUP, key, YAML_PREFIX + key.upper(), schema)


def _schema(kind: Kind, may_be_empty: bool) -> dict[str, Json]:
    """Type and bounds. What no schema can say is left to the scheduler, which says what is wrong."""
    match kind:
        case Whole(low, high):
            bounds = {"minimum": max(low, -LARGEST), "maximum": min(high, LARGEST)}
            return {"type": "integer", **bounds}
        case Number(low, high):
            bounds = {"minimum": plain(max(low, -LARGEST)), "maximum": plain(min(high, LARGEST))}
            return {"type": "number", **bounds}
        case Flag():
            return {"type": "boolean"}
        case Choice(words):
            return {"type": "string", "enum": [*words, ""] if may_be_empty else [*words]}
        case Text(needed=needed, expression=expression):
            empty = "?" if may_be_empty or not needed else ""
            if expression:
                return {"type": "string", "maxLength": LONGEST_TEXT, "pattern": f"^({expression}){empty}$"}
    return {"type": "string", "maxLength": LONGEST_TEXT}
