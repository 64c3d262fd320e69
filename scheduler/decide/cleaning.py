"""Giving back what is reserved for us and no record names.

Only reservations with our cluster's label are looked at. A volume is destroyed only where its generation
is noted as abandoned, before anything ran on it or by an operator's order; any other volume that no record
names is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scheduler.decide.decision import Decision
from scheduler.decide.launch import REFUSE_REST_SECONDS
from scheduler.decide.matching import ours
from scheduler.decide.requirement import GENERATION_LABEL, NODE_LABEL, without_volume
from scheduler.model.intent import Accept, Destroy, Operation, Unreserve
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource
from scheduler.model.world import World


def clean(decision: Decision, offers: Sequence[Offer]) -> tuple[Decision, list[Offer]]:
    """Use the offers that hold leftovers to give these back; return the other offers."""
    left = []
    for offer in offers:
        leftovers = _leftovers(decision.world, offer.resources)
        if leftovers:
            decision = decision.plus(Accept((offer.id,), _operations(leftovers), REFUSE_REST_SECONDS))
        else:
            left.append(offer)
    return decision, left


def _leftovers(world: World, resources: Iterable[Resource]) -> list[Resource]:
    cluster = world.settings.service.cluster
    reserved = [r for r in resources if r.reservations and ours(r, cluster)]
    return [r for r in reserved if _is_leftover(world, r, reserved)] if reserved else []


def _is_leftover(world: World, resource: Resource, reserved: list[Resource]) -> bool:
    generation = resource.label(GENERATION_LABEL)
    node = world.ledger.recorded(resource.label(NODE_LABEL) or "")
    if node is not None and node.placement is not None and node.placement.generation == generation:
        return False
    if world.ledger.controls.uninstall is not None:
        return True
    if node is not None and generation in node.abandoned:
        return True
    same = [r for r in reserved if r.label(GENERATION_LABEL) == generation]
    return not any(r.persistence_id for r in same)


def _operations(leftovers: list[Resource]) -> tuple[Operation, ...]:
    volumes = tuple(r for r in leftovers if r.persistence_id)
    plain = tuple(without_volume(r) for r in leftovers)
    return ((Destroy(volumes),) if volumes else ()) + (Unreserve(plain),)
