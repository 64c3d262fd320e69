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
}
"""What is written into a node's data or its reservation once and for all, by the setting's name."""


def first_ledger(settings: Settings, cluster_id: str) -> Ledger:
    """The records of a service that starts for the first time."""
    service = settings.service
    return Ledger(
        framework=Framework(),
        cluster=Cluster(cluster_id, service.principal, service.role, service.cluster),
        target=target_of(settings),
        controls=Controls(),
        nodes={number: Node(number) for number in range(settings.nodes)},
    )


def target_of(settings: Settings) -> Target:
    """The part of the configuration that is stored as the nodes' target."""
    return Target(settings.nodes, settings.seed_nodes, settings.node)


def retarget(ledger: Ledger, settings: Settings) -> tuple[Ledger, tuple[str, ...]]:
    """Take a new configuration over. With errors the old target stays in force and nothing changes."""
    errors = (*_identity_errors(ledger, settings), *_node_errors(ledger, settings))
    if errors:
        return ledger, errors
    added = range(len(ledger.nodes), settings.nodes)
    nodes = {**ledger.nodes, **{number: Node(number) for number in added}}
    return dataclasses.replace(ledger, target=target_of(settings), nodes=nodes), ()


def in_force(ledger: Ledger, settings: Settings) -> Settings:
    """The settings with the identity that the cluster began with: its reservations carry it."""
    cluster = ledger.cluster
    service = dataclasses.replace(
        settings.service, principal=cluster.principal, role=cluster.role, cluster=cluster.label
    )
    return dataclasses.replace(settings, service=service)


def _identity_errors(ledger: Ledger, settings: Settings) -> list[str]:
    cluster, service = ledger.cluster, settings.service
    pairs = (
        ("SERVICE_PRINCIPAL", cluster.principal, service.principal),
        ("SERVICE_ROLE", cluster.role, service.role),
        ("SERVICE_CLUSTER", cluster.label, service.cluster),
    )
    return [_immutable(name, old, new) for name, old, new in pairs if old != new]


def _immutable(name: str, old: object, new: object) -> str:
    return f"{name} cannot change from {old} to {new}: set it back to {old}, or deploy another service"


def _node_errors(ledger: Ledger, settings: Settings) -> list[str]:
    old, new = ledger.target.node, settings.node
    errors = [
        _immutable(name, getattr(old.cassandra, field), getattr(new.cassandra, field))
        for field, name in IMMUTABLE.items()
        if getattr(old.cassandra, field) != getattr(new.cassandra, field)
    ]
    for key in ("num_tokens", "partitioner"):
        before, after = old.cassandra.yaml.get(key), new.cassandra.yaml.get(key)
        if before != after:
            errors.append(_immutable(f"CASSANDRA_{key.upper()}", before, after))
    if _reserved(old) != _reserved(new):
        errors.append(
            "the nodes' cpus, memory and ports cannot change yet: set CASSANDRA_CPUS, CASSANDRA_MEMORY_MB, "
            "EXECUTOR_*, CLUSTER_TASK_* and the ports back to what they were"
        )
    if settings.nodes < len(ledger.nodes):
        errors.append(f"NODES cannot go from {len(ledger.nodes)} down to {settings.nodes} yet: set it back")
    return errors


def _reserved(node: NodeSettings) -> tuple[object, ...]:
    return (
        node.cassandra.cpus,
        node.cassandra.memory_mb,
        node.executor_cpus,
        node.executor_memory_mb,
        node.cluster_task_cpus,
        node.cluster_task_memory_mb,
        node.cassandra.ports,
    )
