"""Cassandra's own settings: which keys cassandra.yaml has, and which values Cassandra takes for them.

A key that Cassandra does not know, or a value that it cannot read, would keep every node from starting;
so it is refused before any node is touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.codec import Json
from scheduler.daemon.configuration.cassandra_keys import (
    KEYS_BY_KIND,
    RENAMED,
    RENAMED_BY_SUFFIX,
    RENAMED_KINDS,
)
from scheduler.daemon.configuration.kinds import Flag, Kind, Number, Text, Whole, pattern
from scheduler.daemon.configuration.masking import masked_json

VERSION = "5.0"

DEFAULTS: Mapping[str, Json] = {"num_tokens": 16, "allocate_tokens_for_local_replication_factor": 3}
"""What differs from Cassandra's own defaults unless it is set."""

_OWNED = """
    listen_address listen_interface listen_interface_prefer_ipv6 listen_on_broadcast_address
    broadcast_address rpc_address rpc_interface rpc_interface_prefer_ipv6 broadcast_rpc_address
    data_file_directories local_system_data_file_directory commitlog_directory saved_caches_directory
    hints_directory cdc_raw_directory seed_provider initial_token auto_bootstrap
    endpoint_snitch start_native_transport
"""

OWNED = frozenset(_OWNED.split())
"""Keys that the executor sets for each node."""

ELSEWHERE = {
    "cluster_name": "CASSANDRA_CLUSTER_NAME",
    "storage_port": "CASSANDRA_STORAGE_PORT",
    "ssl_storage_port": "CASSANDRA_SSL_STORAGE_PORT",
    "native_transport_port": "CASSANDRA_NATIVE_TRANSPORT_PORT",
}
"""Keys with a setting of their own, because the scheduler must know them too."""

DEEPEST = 8
SUFFIX_UNITS = {
    "_in_ms": "ms",
    "_ms": "ms",
    "_in_sec": "s",
    "_in_secs": "s",
    "_seconds": "s",
    "_in_minutes": "m",
    "_in_bytes": "B",
    "_in_kb": "KiB",
    "_in_mb": "MiB",
    "_mb": "MiB",
    "_mb_per_sec": "MiB/s",
}
"""What the suffix of an older name says of its bare number; megabits have no unit of today."""

UNITS = {"ns": 1, "us": 2, "µs": 2, "ms": 3, "s": 4, "m": 5, "h": 6, "d": 7}
SIZES = {"B": 1, "KiB": 2, "MiB": 3, "GiB": 4}


def _kinds_by_key() -> dict[str, str]:
    kinds = {name: kind for kind, names in KEYS_BY_KIND.items() for name in names.split()}
    for old, new in _renamed().items():
        kinds[old] = RENAMED_KINDS.get(old) or ("flag" if kinds[new] == "flag" else "int")
    return kinds


def _renamed() -> dict[str, str]:
    plain = {name + suffix: name for suffix, names in RENAMED_BY_SUFFIX.items() for name in names.split()}
    return plain | RENAMED


NEWER_NAMES: Mapping[str, str] = _renamed()
"""Older names of keys, still understood, to the names of today."""

NARROWER: Mapping[str, Kind] = {
    "num_tokens": Whole(1, 1536),
    "allocate_tokens_for_local_replication_factor": Whole(1, 1000),
}
"""Keys whose values decide on the ring for good, so they are checked more closely."""

KINDS: Mapping[str, str] = _kinds_by_key()
"""Each key, older names included, to the kind of its values."""


class Refused(Exception):
    """A key that may not be set, or a value that may not be stored; the text follows the key's name."""


@dataclass(frozen=True)
class Entry:
    """A line of cassandra.yaml: ``key`` is ``name``, today's, or the older one that the value needs."""

    name: str
    key: str
    value: Json


def read(key: Any, value: object, is_text: bool) -> Entry:
    """Read a key and its value, which is text where it comes from the environment.

    Raises Refused for a key that may not be set, ValueError for a value that is not of the key's kind.
    """
    problem = _problem(key)
    if problem is not None:
        raise Refused(problem)
    kind = kind_of(key)
    found = kind.from_text(value) if is_text and isinstance(value, str) else kind.from_yaml(value)
    if masked_json(found) != found:
        raise Refused("holds a password, which would be stored and sent to the agents in clear: leave it out")
    return _of_today(key, found)


def _problem(key: Any) -> str | None:
    if key in OWNED:
        return "is set by the executor for each node: remove it"
    if key in ELSEWHERE:
        return f"must be set as {ELSEWHERE[key]}, since the scheduler has to know it too"
    if key not in KINDS:
        return f"is no key of cassandra.yaml that Cassandra {VERSION} knows: correct or remove it"
    return None


def kind_of(key: str) -> Kind:
    """How the key's values are read."""
    return NARROWER.get(key) or _kind(KINDS[key])


def _of_today(key: str, value: Json) -> Entry:
    """The entry under today's name, which is also what the executor's own defaults go by.

    A value that only the older name takes, such as -1 for "never", keeps that name.
    """
    name = NEWER_NAMES.get(key)
    if name is None:
        return Entry(key, key, value)
    unit = SUFFIX_UNITS.get(key.removeprefix(name))
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if unit is not None and whole:
        return Entry(name, name, f"{value}{unit}")
    return Entry(name, name if isinstance(value, bool) else key, value)


def _kind(name: str) -> Kind:
    simple: dict[str, Kind] = {
        "flag": Flag(),
        "int": Whole(-(2**31), 2**31 - 1),
        "long": Whole(-(2**63), 2**63 - 1),
        "number": Number(-1e15, 1e15),
        "text": Text(needed=True),
        "seconds": Alternatives(_duration("s"), Whole(-1, 2**31 - 1)),
        "rate": _with_unit("rate", ("B/s", "KiB/s", "MiB/s"), "24MiB/s"),
        "class": Alternatives(Text("the name of a class", needed=True), Structure(_is_class, CLASS_RULE)),
        "list": Alternatives(Structure(_is_list, "a list of strings"), CommaList()),
        "map": Structure(_is_map, "a map"),
    }
    if name in simple:
        return simple[name]
    if name.startswith("one of "):
        words = name.removeprefix("one of ").split()
        return Text("one of " + ", ".join(words), lambda text: text in words, needed=True)
    what, _, unit = name.partition(" in ")
    return _duration(unit) if what == "duration" else _size(unit)


def _duration(smallest: str) -> Text:
    units = [unit for unit, order in UNITS.items() if order >= UNITS[smallest]]
    return _with_unit("duration", units, f"10{smallest}")


def _size(smallest: str) -> Text:
    units = [unit for unit, order in SIZES.items() if order >= SIZES[smallest]]
    return _with_unit("size", units, f"32{smallest}")


def _with_unit(what: str, units: list[str] | tuple[str, ...], example: str) -> Text:
    rule = f"a {what} in {', '.join(units)}, such as {example}"
    return pattern(rule, rf"[0-9]{{1,18}}({'|'.join(map(re.escape, units))})", needed=True)


class Alternatives:
    """Values of either of two kinds."""

    def __init__(self, first: Kind, second: Kind) -> None:
        self._kinds = (first, second)

    @property
    def rule(self) -> str:
        """See ``Kind``."""
        return " or ".join(kind.rule for kind in self._kinds)

    def from_text(self, text: str) -> Any:
        """See ``Kind``. Text that looks like JSON is left to the kind that reads it."""
        second = self._kinds[1]
        if text.lstrip().startswith(("{", "[")) and isinstance(second, Structure):
            return second.from_text(text)
        return self._first_of(lambda kind: kind.from_text(text))

    def from_yaml(self, value: object) -> Any:
        """See ``Kind``."""
        return self._first_of(lambda kind: kind.from_yaml(value))

    def _first_of(self, read: Callable[[Kind], Any]) -> Any:
        try:
            return read(self._kinds[0])
        except ValueError:
            return read(self._kinds[1])


class Structure:
    """A map or list, which the environment gives as JSON."""

    def __init__(self, accepts: Callable[[Json], bool], rule: str) -> None:
        self._accepts = accepts
        self.rule = f"{rule} (in the environment: JSON)"

    def from_text(self, text: str) -> Json:
        """See ``Kind``."""
        try:
            return self.from_yaml(json.loads(text))
        except RecursionError:
            raise ValueError(self.rule) from None

    def from_yaml(self, value: object) -> Json:
        """See ``Kind``."""
        if not _is_json(value, DEEPEST) or not self._accepts(value):
            raise ValueError(value)
        return value


class CommaList:
    """Names separated by commas, in the environment."""

    rule = "names separated by commas"

    def from_text(self, text: str) -> list[str]:
        """See ``Kind``."""
        names = [name.strip() for name in text.split(",")]
        if not all(name and name.isprintable() and not name.startswith(("[", "{")) for name in names):
            raise ValueError(text)
        return names

    def from_yaml(self, value: object) -> list[str]:
        """See ``Kind``: a file has lists of its own."""
        raise ValueError(value)


CLASS_RULE = "a map with class_name and parameters"


def _is_class(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_name"), str)


def _is_list(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_map(value: Json) -> bool:
    return isinstance(value, dict)


def _is_json(value: object, depth: int) -> bool:
    """Whether JSON can hold it, no deeper than that."""
    if depth == 0:
        return False
    if isinstance(value, dict):
        keys = all(isinstance(key, str) and key.isprintable() for key in value)
        return keys and all(_is_json(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return all(_is_json(item, depth - 1) for item in value)
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    if isinstance(value, str):
        return "\0" not in value and value.encode("utf-8", "replace").decode() == value
    return value is None or isinstance(value, bool | int)
