"""Every setting, in sections.

The default file, the documentation and the check of a configuration are all made from this table.
"""

from __future__ import annotations

from scheduler.daemon.configuration.sections.api import API
from scheduler.daemon.configuration.sections.cassandra import CASSANDRA
from scheduler.daemon.configuration.sections.nodes import NODES
from scheduler.daemon.configuration.sections.others import OTHERS
from scheduler.daemon.configuration.sections.service import MESOS, SERVICE

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
