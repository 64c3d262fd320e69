"""Which keys cassandra.yaml may have, which of them the executor owns, and what kind of value they take.

The names are the fields of ``org.apache.cassandra.config.Config`` of Cassandra 5.0, with the older names
that it still reads.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import yaml

OWNED = frozenset(
    {
        "allocate_tokens_for_keyspace",
        "auto_bootstrap",
        "broadcast_address",
        "broadcast_rpc_address",
        "cdc_raw_directory",
        "cluster_name",
        "commitlog_directory",
        "data_file_directories",
        "endpoint_snitch",
        "hints_directory",
        "initial_token",
        "listen_address",
        "listen_interface",
        "listen_interface_prefer_ipv6",
        "native_transport_port",
        "rpc_address",
        "rpc_interface",
        "rpc_interface_prefer_ipv6",
        "saved_caches_directory",
        "seed_provider",
        "ssl_storage_port",
        "start_native_transport",
        "storage_port",
    }
)
"""Addresses, directories, ports, seeds and tokens: what has to agree with the node's place and record."""

DEFAULTS: dict[str, Any] = {"num_tokens": 16, "allocate_tokens_for_local_replication_factor": 3}
"""Where Cassandra's own default would be worse: few tokens, spread evenly."""

_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int, type(None)),
    "float": (int, float, type(None)),
    "text": (str, int, float, type(None)),
}


@functools.cache
def known_keys() -> dict[str, str]:
    """Every key, with the kind of its value: bool, int, float, text or any."""
    text = resources.files("scheduler.daemon").joinpath("cassandra_yaml.json").read_text()
    keys: dict[str, str] = json.loads(text)
    return keys


def problem(key: str, value: Any) -> str | None:
    """What is wrong with a key and its value, as the end of a sentence; None when nothing is."""
    if key in OWNED:
        return "is set by the executor and cannot be configured"
    kind = known_keys().get(key)
    if kind is None:
        return "is not a key of cassandra.yaml"
    expected = _KINDS.get(kind)
    wrong = expected is not None and (
        not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)
    )
    return f"is {value!r}, which is not a value of kind {kind}" if wrong else None


def read_value(text: str) -> Any:
    """A value as an environment variable gives it: YAML, or the text itself where it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
