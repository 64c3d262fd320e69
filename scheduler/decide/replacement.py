"""Giving a node's place up for a new one, by an operator's order alone.

The order is stored first: it is what permits the destruction of what is left on the old place, whenever
and under whatever agent id that shows up. Then the old task ends, or its agent cannot be reached; then the
place is forgotten; then the node is placed anew, and streams the data of the address that it replaces.
"""

from __future__ import annotations

import dataclasses

from scheduler.decide import owner, readiness, restoration, seeds
from scheduler.decide.decision import Decision, Refused
from scheduler.decide.memory import of_ledger
from scheduler.model.node import Node, Placement, Replacement
from scheduler.model.world import World


def order(decision: Decision, node: Node, force: bool, now: float) -> Decision:
    """Store the order. Raises Refused where the cluster would suffer from it."""
    place = node.placement
    if node.replacement is not None and (place is None or node.giving_up):
        return decision  # the same order again
    if place is None:
        raise Refused(f"{node.name} was never placed; the deploy plan will place it")
    if node.left:
        raise Refused(f"{node.name} has left the ring, and what is left of it is being given back")
    if node.restoration is not None:
        raise Refused(f"{node.name} starts on restored data, and only goes forward: GET /v1/restore/status")
    _require_peers(decision.world, node, now)
    up = None if force else _up(decision.world, node)
    if up is not None:
        raise Refused(
            f"{node.name} is up: {up}; PUT /v1/nodes/restart?node={node.name} restarts it where it is, "
            "and force=true replaces it all the same"
        )
    decision = _withdraw_others(decision, node)
    replacement = Replacement(place.generation, place.agent_id, place.hostname, _replaced(node, place), now)
    return decision.with_node(
        dataclasses.replace(node, replacement=replacement, restart_ordered=False, failures=0, not_before=0.0)
    )


def _withdraw_others(decision: Decision, node: Node) -> Decision:
    """Forget orders that wait for this node to be ready, which its replacement alone may bring about."""
    for other in others_under_way(decision.world, node):
        decision = decision.with_node(dataclasses.replace(other, replacement=None))
    return decision


def others_under_way(world: World, node: Node) -> list[Node]:
    """The other nodes that are to be replaced, or are being."""
    return [other for other in _under_way(world) if other.number != node.number]


def _goes_first(node: Node, other: Node, now: float) -> bool:
    """Whether the node is down, and the other, whose replacement is ordered too, works on until it is not."""
    works_on = other.normal or readiness.silent_since(other, now) is not None
    return other.giving_up and works_on and not node.normal and not owner.order_begun(other)


def _require_peers(world: World, node: Node, now: float) -> None:
    """One is replaced at a time, a node that is down first, and only where another member has its data."""
    others = others_under_way(world, node)
    under_way = next((other for other in others if not _goes_first(node, other, now)), None)
    if under_way is not None:
        raise Refused(f"{under_way.name} is being replaced, and one node is at a time: wait for its end")
    missing = seeds.no_source(world, node)
    if missing is not None:
        raise Refused(f"{node.name} cannot be replaced: {missing}")


def _up(world: World, node: Node) -> str | None:
    """What tells that the node is up, in words; None when it is down as far as anybody has told."""
    if node.alive and node.task is not None and not node.unreachable:
        return f"its task is {node.task.state}"
    address = node.ring_address or (node.placement.address if node.placement else None)
    return seeds.seen_up(world, node, address) if node.bootstrapped and address else None


def _replaced(node: Node, place: Placement) -> str | None:
    """The address whose part the new node takes: one that broke off half-way never was a member itself."""
    if node.bootstrapped:
        return node.ring_address or place.address
    return node.replacement.address if node.replacement else None


def advance(decision: Decision, now: float) -> Decision:
    """Forget places whose task has ended or cannot be reached; end orders that have been carried out."""
    for node in _under_way(decision.world):
        if not node.giving_up:
            if node.bootstrapped and readiness.lacking(decision.world, node) is None:
                decision = decision.with_node(dataclasses.replace(node, replacement=None))
        elif (not node.alive or node.unreachable) and owner.may_act(decision.world, node) is None:
            decision = restoration.forgotten(decision.with_node(_forgotten(node)), node)
    return decision


@of_ledger
def _under_way(world: World) -> list[Node]:
    return [node for node in world.ledger.members() if node.replacement is not None]


def _forgotten(node: Node) -> Node:
    """Without its place, task and data. Should an unreachable task come back, no record names it then."""
    place = node.placement
    if place is None:
        raise ValueError(f"{node.name} has no place")
    return dataclasses.replace(
        node,
        placement=None,
        task=None,
        status=None,
        bootstrapped=False,
        tokens=(),
        abandoned=(*node.abandoned, place.generation),
    )
