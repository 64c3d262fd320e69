"""Identifiers without randomness: derived from the cluster's own random id and counters that only grow."""

from __future__ import annotations

import functools
import re
import uuid

from scheduler.model.node import Node
from scheduler.model.world import World


def derived_id(world: World, *parts: object) -> str:
    """A UUID (version 5) that the same cluster gives the same parts again, and no other cluster does."""
    return _derived_id(world.ledger.cluster.id, "/".join(map(str, parts)))


@functools.lru_cache(maxsize=16384)
def _derived_id(cluster_id: str, text: str) -> str:
    return str(uuid.uuid5(uuid.UUID(cluster_id), text))


def generation_id(world: World, node: Node) -> str:
    """The label of the node's next reservation."""
    return derived_id(world, node.name, "generation", node.generations)


def persistence_id(world: World, node: Node) -> str:
    """The id of the persistent volume of the node's next reservation."""
    return derived_id(world, node.name, "volume", node.generations)


def task_id(world: World, node: Node) -> str:
    """The id of the node's next task."""
    return f"{node.name}__{derived_id(world, node.name, 'task', node.launches)}"


def node_of_task(ident: str) -> str:
    """The name of the node that a server task's id names; of any other id, no node's name."""
    return ident.partition("__")[0]


def is_task_id(text: str) -> bool:
    """Whether the ids of nodes' tasks, the maintenance ones among them, have this form."""
    return re.fullmatch(r"([a-z]+-)?node-[0-9]+__.+", text) is not None


def executor_id(world: World, node: Node) -> str:
    """The id of the node's next executor."""
    return f"{node.name}_executor__{derived_id(world, node.name, 'executor', node.launches)}"
