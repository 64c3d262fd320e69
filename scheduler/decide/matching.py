"""Does an offer do? Either for a new place, or because it holds what is reserved for a node already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.decide.requirement import CLUSTER_LABEL, GENERATION_LABEL
from scheduler.model.node import Placement
from scheduler.model.offer import Offer
from scheduler.model.resource import Range, Resource, has_all, in_ranges, ranges_of, total
from scheduler.model.settings import NodeSettings


@dataclass(frozen=True)
class Held:
    """What offers of one agent hold of a placement's reservation."""

    offers: tuple[Offer, ...]
    resources: tuple[Resource, ...]
    volume: bool


def shortfalls(offer: Offer, node: NodeSettings) -> tuple[str, ...]:
    """What an offer lacks for a new place, by the resource's name; empty when it has all."""
    # In one pass, for every offer that comes is asked: most of the scheduler's time goes to reading and this.
    cpus = memory = 0.0
    ranges: list[Range] = []
    disks: list[Resource] = []
    for resource in offer.resources:
        name, scalar, parts, reservations, _ = resource
        if reservations:
            continue
        if name == "cpus":
            cpus += scalar
        elif name == "mem":
            memory += scalar
        elif name == "disk":
            disks.append(resource)
        elif name == "ports":
            ranges += parts
    lacking = []
    if round(cpus, 3) < node.cpus:
        lacking.append("cpus")
    if round(memory, 3) < node.memory_mb:
        lacking.append("mem")
    if disk_for(disks, node) is None:
        lacking.append("disk")
    if not has_all(ranges, node.cassandra.ports):
        lacking.append("ports")
    return tuple(lacking)


def disk_for(free: Iterable[Resource], node: NodeSettings) -> Resource | None:
    """The disk to make the volume of: a part of the root disk, or the smallest whole MOUNT disk that does."""
    wanted = node.cassandra.disk_mb
    if node.cassandra.disk_type == "ROOT":
        root = sum([r.scalar for r in free if r.name == "disk" and (r.disk is None or r.disk.source is None)])
        return Resource("disk", wanted) if round(root, 3) >= wanted else None
    disks = [r for r in free if r.name == "disk" and r.scalar >= wanted]
    mounts = [d for d in disks if d.source and d.source.kind == "MOUNT"]
    return min(mounts, key=lambda d: d.scalar, default=None)


def held(placement: Placement, offers: Iterable[Offer]) -> Held | None:
    """The offers that hold resources of this placement, under whatever agent id; None when none does."""
    found = [offer for offer in offers if _of_generation(offer, placement.generation)]
    if not found:
        return None
    agent = next((o.agent_id for o in found if _has_volume(o, placement)), found[0].agent_id)
    same = tuple(offer for offer in offers if offer.agent_id == agent and offer in found)
    resources = tuple(r for offer in same for r in _of_generation(offer, placement.generation))
    return Held(same, resources, any(_has_volume(offer, placement) for offer in same))


def _of_generation(offer: Offer, generation: str) -> list[Resource]:
    return [r for r in offer.resources if r.reservations and r.label(GENERATION_LABEL) == generation]


def _has_volume(offer: Offer, placement: Placement) -> bool:
    return any(r.persistence_id == placement.persistence_id for r in offer.resources)


def missing(placement: Placement, found: Held) -> tuple[str, ...]:
    """What of the reservation is not there (yet), by the resource's name."""
    wanted_cpus, wanted_memory, wanted_ports, wanted_disk = placement.resources
    plain = [r for r in found.resources if r.persistence_id is None]
    lacking = []
    if total(plain, "cpus") < wanted_cpus.scalar:
        lacking.append("cpus")
    if total(plain, "mem") < wanted_memory.scalar:
        lacking.append("mem")
    if not found.volume and total(plain, "disk") < wanted_disk.scalar:
        lacking.append("disk")
    ranges = ranges_of(plain)
    if not all(in_ranges(p, ranges) for begin, end in wanted_ports.ranges for p in range(begin, end + 1)):
        lacking.append("ports")
    return tuple(lacking)


def ours(resource: Resource, cluster: str) -> bool:
    """Whether a reservation carries our cluster's label; those that don't are never touched."""
    return bool(resource.reservations) and resource.label(CLUSTER_LABEL) == cluster
