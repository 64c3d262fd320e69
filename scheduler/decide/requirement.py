"""What a node needs of an agent, and how it is divided between its executor and its tasks."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.model.node import Placement
from scheduler.model.resource import Disk, Reservation, Resource, ranges_from
from scheduler.model.settings import NodeSettings, ServiceSettings

CLUSTER_LABEL = "cluster"
NODE_LABEL = "node"
GENERATION_LABEL = "generation"

VOLUME_PATH = "volume"
"""The volume's path in the sandbox; one path element, or the agent would not mount it."""


@dataclass(frozen=True)
class Shares:
    """The resources of a placement: the executor's, the server task's; the rest is the maintenance slot."""

    executor: tuple[Resource, ...]
    server: tuple[Resource, ...]


def reservation(service: ServiceSettings, node_name: str, generation: str) -> Reservation:
    """The labelled reservation that tells this node's storage apart from all others."""
    labels = (
        (CLUSTER_LABEL, service.cluster),
        (NODE_LABEL, node_name),
        (GENERATION_LABEL, generation),
    )
    return Reservation(service.role, service.principal or None, labels)


def needed(
    node: NodeSettings, service: ServiceSettings, reserved: Reservation, volume_id: str, disk: Resource
) -> tuple[Resource, ...]:
    """All that is reserved for a node, ``disk`` as a persistent volume."""
    levels = (reserved,)
    volume = Disk(volume_id, service.principal or None, VOLUME_PATH, disk.source)
    return (
        Resource("cpus", node.cpus, reservations=levels),
        Resource("mem", node.memory_mb, reservations=levels),
        Resource("ports", ranges=ranges_from(node.cassandra.ports), reservations=levels),
        Resource("disk", disk.scalar, reservations=levels, disk=volume),
    )


def resized(placement: Placement, node: NodeSettings) -> tuple[Resource, ...]:
    """All that is reserved for a node once its settings are these: the volume stays as it is."""
    cpus, memory, ports, volume = placement.resources
    return (
        cpus._replace(scalar=node.cpus),
        memory._replace(scalar=node.memory_mb),
        ports._replace(ranges=ranges_from(node.cassandra.ports)),
        volume,
    )


def without_volume(resource: Resource) -> Resource:
    """The disk as it is before the volume is created on it and after it is destroyed."""
    disk = Disk(source=resource.source) if resource.source else None
    return resource._replace(disk=disk)


def shares(placement: Placement, node: NodeSettings) -> Shares:
    """Divide what is reserved. The volume is the executor's, so that every task of the node sees it."""
    cpus, memory, ports, volume = placement.resources
    return Shares(
        executor=(
            cpus._replace(scalar=node.executor_cpus),
            memory._replace(scalar=node.executor_memory_mb),
            volume,
        ),
        server=(
            cpus._replace(scalar=node.cassandra.cpus),
            memory._replace(scalar=node.cassandra.memory_mb),
            ports._replace(ranges=ranges_from(node.cassandra.ports)),
        ),
    )
