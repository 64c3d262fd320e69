"""Taking nodes away: those of the highest numbers, one at a time, each handing its data over first.

The order is the target that was taken over. How far it is stands in the node's record (``Stage``), and each
stage follows from what was seen, never from what was sent: so whatever is cut off is taken up again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from protocol.codec import DecodeError, decode
from protocol.leaving import Leaving
from protocol.message import DECOMMISSION, Message, encode_message
from scheduler.decide import ids, matching, operations, owner, readiness, replacement, target
from scheduler.decide.decision import Decision, Refused
from scheduler.decide.launch import REFUSE_REST_SECONDS
from scheduler.decide.memory import of_ledger
from scheduler.decide.owner import Wait
from scheduler.decide.reconcile import is_reconciled
from scheduler.decide.requirement import without_volume
from scheduler.model.intent import Accept, Destroy, Operation, Send, Unreserve
from scheduler.model.node import Departure, Node, Placement, Stage
from scheduler.model.offer import Offer
from scheduler.model.resource import total
from scheduler.model.world import LeaveOrder, World

DECOMMISSIONED, LEAVING = "DECOMMISSIONED", "LEAVING"

FIRST_REPEAT_SECONDS, LAST_REPEAT_SECONDS = 2.0, 30.0
PROGRESS_SECONDS = 10.0
"""A node that leaves is asked how far it is."""

GIVEN_UP = "given up by an operator"


def advance(decision: Decision, now: float) -> Decision:
    """Begin on the next node that is to leave; take those that are leaving a stage further."""
    following = next_to_leave(decision.world)
    if following is not None and hindrance(decision.world, following) is None:
        decision = decision.with_node(_begun(following, now))
    for node, departure in _under_way(decision.world):
        decision = _advanced(decision, node, departure, now)
    return decision


@of_ledger
def _under_way(world: World) -> list[tuple[Node, Departure]]:
    return [(node, node.departure) for node in world.ledger.members() if node.departure is not None]


@of_ledger
def next_to_leave(world: World) -> Node | None:
    """The node of the highest number that the target does not want and that has not begun to leave."""
    members = world.ledger.members()
    too_many = [n for n in members if n.number >= world.ledger.target.nodes and n.departure is None]
    return too_many[-1] if too_many else None


def hindrance(world: World, node: Node) -> Wait | None:
    """What keeps a node from beginning to leave; None when nothing does."""
    before = next((other.name for other in world.ledger.members() if other.departing), None)
    if before is not None:
        return Wait(f"{before} leaves first")
    replaced = replacement.others_under_way(world, node)
    if replaced:
        return Wait(f"the replacement of {replaced[0].name}, which streams from the others")
    if owner.interrupted(world, owner.DEPLOY):
        return owner.holding_back(world)
    if not is_reconciled(world, node):
        return owner.untold(world)
    if not node.partakes:
        return Wait(f"{node.name} to join or to fail: it is on its way in") if node.alive else None
    running = operations.active(world)
    if running is not None:
        return Wait(f"the end of the running {running.kind}")
    members = [other for other in world.ledger.members() if other.has_joined and not other.left]
    down = [other.name for other in members if readiness.lacking(world, other) is not None]
    return (
        Wait(f"{', '.join(down)} to be NORMAL: data move only between nodes that all work") if down else None
    )


def _begun(node: Node, now: float) -> Node:
    """A node that never was a member has nothing to hand over."""
    stage = Stage.LEAVING if node.has_joined else Stage.LEFT
    return dataclasses.replace(node, departure=Departure(stage, now, now), restart_ordered=False)


def _advanced(decision: Decision, node: Node, departure: Departure, now: float) -> Decision:
    if departure.stage is Stage.LEAVING:
        if node.status is not None and node.status.mode == DECOMMISSIONED:
            return _to(decision, node, departure, Stage.LEFT if node.alive else Stage.KILLED, now)
        return _order(decision, node, now)
    if departure.stage is Stage.LEFT and not node.alive and is_reconciled(decision.world, node):
        return _to(decision, node, departure, Stage.KILLED, now)
    if departure.stage is Stage.KILLED and node.placement is None:
        return decision.with_node(_gone(decision.world, node, departure, now))
    return decision


def _to(decision: Decision, node: Node, departure: Departure, stage: Stage, now: float) -> Decision:
    further = dataclasses.replace(departure, stage=stage, since=now)
    return decision.with_node(dataclasses.replace(node, departure=further, replacement=None))


def _order(decision: Decision, node: Node, now: float) -> Decision:
    """Tell the node to leave, again and again: it may be lost on the way, and a restart forgets it."""
    before = decision.world.session.leaving.get(node.number)
    if node.task is None or not node.running or (before is not None and now < before.next_at):
        return decision
    attempts = before.attempts + 1 if before else 1
    moving = node.status is not None and node.status.mode == LEAVING
    wait = PROGRESS_SECONDS if moving else min(FIRST_REPEAT_SECONDS**attempts, LAST_REPEAT_SECONDS)
    order = LeaveOrder(now + wait, attempts, before.answer if before else None)
    message = Message(_question(decision.world, node), node.name, DECOMMISSION)
    return decision.with_session(leaving={**decision.world.session.leaving, node.number: order}).plus(
        Send(node.task.executor.id, node.task.agent_id, encode_message(message))
    )


def _question(world: World, node: Node) -> str:
    return ids.derived_id(world, "decommission", node.task.id if node.task else "")


def answered(world: World, message: Message) -> World:
    """Note how far a node is."""
    node = world.ledger.named(message.node)
    order = world.session.leaving.get(node.number) if node else None
    if node is None or order is None or message.id != _question(world, node) or "error" in message.body:
        return world
    try:
        order = dataclasses.replace(order, answer=decode(Leaving, message.body))
    except DecodeError:
        return world
    session = dataclasses.replace(world.session, leaving={**world.session.leaving, node.number: order})
    return dataclasses.replace(world, session=session)


@of_ledger
def wanting(world: World) -> list[Node]:
    """The nodes that want an offer of what is still reserved for them, to give it back."""
    return [n for n in world.ledger.members() if _is_ended(n) and n.placement is not None]


def _is_ended(node: Node) -> bool:
    ended = node.departure is not None and node.departure.stage in (Stage.KILLED, Stage.DESTROYED)
    return ended and not node.alive


def release(decision: Decision, offers: Sequence[Offer], now: float) -> tuple[Decision, list[Offer]]:
    """Use the offers that hold what nodes have left behind; return the others."""
    left = list(offers)
    for node in wanting(decision.world):
        place, departure = node.placement, node.departure
        if place is not None and departure is not None:
            decision, left = _release(decision, node, place, departure, left, now)
    return decision, left


def _release(
    decision: Decision, node: Node, place: Placement, departure: Departure, offers: list[Offer], now: float
) -> tuple[Decision, list[Offer]]:
    found = matching.held(place, offers)
    if found is None:
        if _nothing_left(node, place, departure, offers):
            decision = decision.with_node(_gone(decision.world, node, departure, now))
        return decision, offers
    operation = _next(place, departure, found)
    if operation is None:
        return decision, offers
    stage = departure.stage if isinstance(operation, Destroy) else Stage.DESTROYED
    since = departure.since if stage is departure.stage else now
    seen = dataclasses.replace(
        node,
        placement=dataclasses.replace(place, agent_id=found.offers[0].agent_id),
        departure=dataclasses.replace(departure, stage=stage, since=since),
    )
    used = tuple(offer.id for offer in found.offers)
    decision = decision.with_node(seen).plus(Accept(used, (operation,), REFUSE_REST_SECONDS))
    return decision, [offer for offer in offers if offer not in found.offers]


def _next(place: Placement, departure: Departure, found: matching.Held) -> Operation | None:
    """What to do with what is offered: first the volume goes, then the reservation, with what is left of it.

    An offer without the disk may be of a part, the volume being in another.
    """
    if found.volume:
        return Destroy(tuple(r for r in found.resources if r.persistence_id))
    disk = next(r.scalar for r in place.resources if r.persistence_id)
    if departure.stage is not Stage.DESTROYED and total(found.resources, "disk") < disk:
        return None
    return Unreserve(tuple(without_volume(r) for r in found.resources))


def _nothing_left(node: Node, place: Placement, departure: Departure, offers: Sequence[Offer]) -> bool:
    """Whether the agent's offer shows that all was given back, or never was reserved."""
    if not any(offer.agent_id == place.agent_id for offer in offers):
        return False
    never_ran = node.task is None or not (node.task.started or node.has_joined)
    return departure.stage is Stage.DESTROYED or never_ran


def give_up(decision: Decision, node: Node, now: float) -> Decision:
    """Stop waiting for a node's agent; should it come back, what it holds is given back. Raises Refused."""
    departure = node.departure
    if departure is None or not node.left:
        raise Refused(
            f"{node.name} is still a member of the ring, and its data would be lost; "
            f"where its agent is gone, PUT /v1/nodes/replace?node={node.name} brings it back first"
        )
    if node.alive and not node.unreachable:
        raise Refused(f"{node.name} is being stopped: its step ends by itself")
    given_up = dataclasses.replace(departure, message=GIVEN_UP)
    return decision.with_node(_gone(decision.world, node, given_up, now))


def _gone(world: World, node: Node, departure: Departure, now: float) -> Node:
    """The record that stays. Whatever of the node should show up again is known as abandoned."""
    abandoned = (*node.abandoned, node.placement.generation) if node.placement else node.abandoned
    gone = Node(
        node.number,
        generations=node.generations,
        launches=node.launches,
        abandoned=abandoned,
        departure=dataclasses.replace(departure, stage=Stage.UNRESERVED, since=now),
    )
    wanted = node.number < world.ledger.target.nodes and world.ledger.controls.uninstall is None
    return target.reborn(gone) if wanted else gone
