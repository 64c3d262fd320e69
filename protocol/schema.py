"""The keyspaces of a cluster, as one of its nodes knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keyspace:
    """``tables`` with materialized views, sorted. ``replication`` has ``class`` and its options, as text.

    A keyspace of ``LocalStrategy`` is each node's own.
    """

    tables: tuple[str, ...]
    replication: dict[str, str]

    @property
    def local(self) -> bool:
        """Whether each node has one of its own."""
        return self.replication.get("class") == "LocalStrategy"


@dataclass(frozen=True)
class Schema:
    """All keyspaces by name, but virtual ones."""

    keyspaces: dict[str, Keyspace]

    def users(self) -> dict[str, Keyspace]:
        """The keyspaces that are not Cassandra's own."""
        return {name: one for name, one in self.keyspaces.items() if not is_system(name)}


def is_system(keyspace: str) -> bool:
    """Whether a keyspace is one of Cassandra's own, which all begin like this."""
    return keyspace == "system" or keyspace.startswith("system_")
