"""What a cluster consists of. It is stored with the cluster's data, for all of it comes back the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.addresses import HOST, Addresses

Json = dict[str, Any]

LEAST_AGENTS = 3

BUCKET = "backups"

S3_KEYS = ("local", "local-secret")
"""Access and secret key: the store takes any."""


@dataclass(frozen=True)
class Software:
    """What parts are started with, as absolute paths; ``cassandra_uri`` is a tarball's address."""

    java_home: str
    zookeeper_jars: str
    cassandra_version: str
    cassandra_uri: str
    cassandra_sha512: str


@dataclass(frozen=True)
class Layout:
    """``settings`` are further ones of the scheduler, above those of the small machine's profile."""

    nodes: int
    agents: int
    addresses: Addresses
    software: Software
    settings: Mapping[str, str]

    @property
    def api(self) -> str:
        """The REST API's address."""
        return f"http://{HOST}:{self.addresses.api_port}"

    @property
    def master(self) -> str:
        """The Mesos master's host:port."""
        return f"{HOST}:{self.addresses.master_port}"

    @property
    def zookeeper(self) -> str:
        """ZooKeeper's host:port."""
        return f"{HOST}:{self.addresses.zookeeper_port}"

    @property
    def s3(self) -> str:
        """The bucket for backups, as an ``external_location``."""
        return f"http://{HOST}:{self.addresses.s3_port}/{BUCKET}"

    def to_json(self) -> Json:
        """As it is stored."""
        return dataclasses.asdict(self)


def from_json(stored: Json) -> Layout:
    """What ``to_json`` gave."""
    addresses, software = Addresses(**stored["addresses"]), Software(**stored["software"])
    return Layout(stored["nodes"], stored["agents"], addresses, software, stored["settings"])


def agents_for(nodes: int, wanted: int | None, before: Layout | None) -> int:
    """How many agents a cluster of so many nodes has: one each at least, and never fewer than it had."""
    return max(nodes, wanted or LEAST_AGENTS, before.agents if before else 0)


def merged(before: Layout | None, given: Mapping[str, str]) -> dict[str, str]:
    """The remembered settings with those given now above them; one that is given as nothing is forgotten."""
    both = {**(before.settings if before else {}), **given}
    return {name: value for name, value in both.items() if value}
