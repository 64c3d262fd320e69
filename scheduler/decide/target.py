"""A new configuration against the one in force: taken over, or refused with a sentence for each reason."""

from __future__ import annotations

import dataclasses

from scheduler.model.node import Node
from scheduler.model.settings import NodeSettings, Settings
from scheduler.model.world import Cluster, Controls, Framework, Ledger, Target

IMMUTABLE = {
    "cluster_name": "CASSANDRA_CLUSTER_NAME",
    "data_center": "CASSANDRA_LOCATION_DATA_CENTER",
    "rack": "CASSANDRA_LOCATION_RACK",
    "disk_mb": "CASSANDRA_DISK_MB",
    "disk_type": "CASSANDRA_DISK_TYPE",
    "storage_port": "CASSANDRA_STORAGE_PORT",
    "ssl_storage_port": "CASSANDRA_SSL_STORAGE_PORT",
    "num_tokens": "CASSANDRA_NUM_TOKENS",
    "partitioner": "CASSANDRA_PARTITIONER",
}
"""What is written into a node's data or its reservation once and for all, or what all nodes have to agree
on at any time, by the setting's name."""


def first_ledger(settings: Settings, cluster_id: str) -> Ledger:
    """The records of a service that starts for the first time."""
    service, first = settings.service, Node(0).name
    return Ledger(
        framework=Framework(),
        cluster=Cluster(cluster_id, service.principal, service.role, service.cluster, first, service.name),
        target=target_of(settings),
        controls=Controls(),
        nodes={number: Node(number) for number in range(settings.nodes)},
    )


def target_of(settings: Settings) -> Target:
    """The part of the configuration that is stored as the nodes' target."""
    return Target(settings.nodes, settings.seed_nodes, settings.node)


def retarget(ledger: Ledger, settings: Settings) -> tuple[Ledger, tuple[str, ...]]:
    """Take a new configuration over. With errors the old target stays in force and nothing changes.

    Nothing changes either, at first, where it takes members away: ``shrinking`` asks the nodes before.
    """
    errors = (
        *_identity_errors(ledger, settings),
        *_node_errors(ledger, settings),
        *_shrink_errors(ledger, settings),
    )
    if errors or leaving(ledger, settings):
        return ledger, errors
    return adopt(ledger, settings), ()


def leaving(ledger: Ledger, settings: Settings) -> list[Node]:
    """The members that are to leave the ring once this configuration is taken over, by number."""
    return [node for node in ledger.staying() if node.number >= settings.nodes and node.partakes]


def adopt(ledger: Ledger, settings: Settings) -> Ledger:
    """The ledger with this configuration as its target: an operator's order to bring the nodes there."""
    new = target_of(settings)
    if new == dataclasses.replace(ledger.target, earlier=()):
        return ledger
    target = dataclasses.replace(new, earlier=_still_used(ledger, new))
    nodes = {number: _retargeted(node, ledger, new) for number, node in ledger.nodes.items()}
    for number in range(settings.nodes):
        nodes[number] = reborn(nodes.get(number, Node(number)))
    return dataclasses.replace(ledger, target=target, nodes=nodes)


def _still_used(ledger: Ledger, new: Target) -> tuple[NodeSettings, ...]:
    """The configurations, but the new one, that nodes run with or are known to work with."""
    tasks = {node.task.config_id for node in ledger.nodes.values() if node.task is not None}
    used = tasks | {node.deployed for node in ledger.nodes.values()}
    known = ledger.target.known.items()
    return tuple(settings for ident, settings in known if ident in used and ident != new.config_id)


def _retargeted(node: Node, ledger: Ledger, new: Target) -> Node:
    """A node that failed with the old configuration need not wait to be tried with the new one."""
    if node.failures == 0 or new.config_id == ledger.target.config_id:
        return node
    return dataclasses.replace(node, failures=0, not_before=0.0)


def reborn(node: Node) -> Node:
    """A node that is wanted again after all of it was taken away: its counters go on, nothing else does."""
    if not node.gone:
        return node
    return Node(node.number, generations=node.generations, launches=node.launches, abandoned=node.abandoned)


def in_force(ledger: Ledger, settings: Settings) -> Settings:
    """The settings with the identity that the cluster began with: its reservations carry it."""
    cluster = ledger.cluster
    service = dataclasses.replace(
        settings.service,
        name=cluster.name or settings.service.name,
        principal=cluster.principal,
        role=cluster.role,
        cluster=cluster.label,
    )
    return dataclasses.replace(settings, service=service)


def _identity_errors(ledger: Ledger, settings: Settings) -> list[str]:
    cluster, service = ledger.cluster, settings.service
    pairs = (
        ("SERVICE_NAME", cluster.name or service.name, service.name),
        ("SERVICE_PRINCIPAL", cluster.principal, service.principal),
        ("SERVICE_ROLE", cluster.role, service.role),
        ("SERVICE_CLUSTER", cluster.label, service.cluster),
    )
    return [_immutable(name, old, new) for name, old, new in pairs if old != new]


def _immutable(name: str, old: object, new: object) -> str:
    before, after = _written(old), _written(new)
    return (
        f"{name} cannot change from {before} to {after}: set it back to {before}, or deploy another service"
    )


def _written(value: object) -> object:
    """As an operator writes it: whole numbers without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _node_errors(ledger: Ledger, settings: Settings) -> list[str]:
    old, new = ledger.target.node, settings.node
    return [
        _immutable(name, getattr(old.cassandra, field), getattr(new.cassandra, field))
        for field, name in IMMUTABLE.items()
        if getattr(old.cassandra, field) != getattr(new.cassandra, field)
    ]


def _shrink_errors(ledger: Ledger, settings: Settings) -> list[str]:
    """More nodes than were named are not taken away in one change: a slip of the keyboard costs no data."""
    taken = leaving(ledger, settings)
    if len(taken) <= settings.allow_shrink:
        return []
    return [
        f"NODES={settings.nodes} would take {', '.join(node.name for node in taken)} away at once: set "
        f"SERVICE_ALLOW_SHRINK={len(taken)} if that is meant, or NODES back to {ledger.target.nodes}"
    ]
