"""What becomes of a batch of offers: leftovers are cleaned, nodes are started, the rest is given back."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scheduler.decide import (
    departure,
    launch,
    lifecycle,
    maintenance,
    matching,
    owner,
    placement,
    resizing,
    uninstall,
)
from scheduler.decide.cleaning import clean
from scheduler.decide.decision import Decision
from scheduler.decide.matching import Held
from scheduler.decide.memory import of_ledger
from scheduler.decide.reconcile import is_reconciled
from scheduler.decide.requirement import resized
from scheduler.decide.resizing import difference, not_free
from scheduler.model.intent import Decline
from scheduler.model.node import Node, Placement
from scheduler.model.offer import Offer
from scheduler.model.placement import Constraint, parse
from scheduler.model.settings import NodeSettings
from scheduler.model.task import GONE, TaskUpdate
from scheduler.model.world import Shortfall, World

IDLE_REFUSE_SECONDS = 3600.0
"""With nothing to start, offers are refused for so long; a REVIVE takes that back when something is.

But for those with a part of a reservation: what is too much of it shows only in an offer of all of it.
"""

MOST_SHORTFALLS = 200


def use(decision: Decision, offers: Sequence[Offer], now: float) -> Decision:
    """Answer every offer of a batch."""
    if uninstall.paused(decision.world):
        return _decline(decision, offers)
    before = decision
    decision, left = clean(_moved(decision, offers, now), offers)
    decision, left = departure.release(uninstall.seen(decision, before, now), left, now)
    if uninstall.stage(decision.world) is not None:
        return _decline(decision, left)
    decision, left = resizing.fit(decision, left, now)
    wanting = [node.number for node in owner.wanting(decision.world, now)]
    for start, placed in ((_start_again, True), (_start_anew, False)):
        for number in wanting:
            # As it is now: its place may have been given up just above, or the founder started.
            node = decision.world.ledger.nodes[number]
            if (node.placement is not None) is placed and _may_start(decision.world, node, now):
                decision, left = start(decision, node, left, now)
    decision, left = maintenance.use(decision, left, now)
    return _decline(decision, left)


def _may_start(world: World, node: Node, now: float) -> bool:
    return not node.alive and owner.may_start(world, node, now) is None


def _moved(decision: Decision, offers: Sequence[Offer], now: float) -> Decision:
    """Note for tasks of unreachable agents that they are gone, once their volume is offered by another agent.

    That is the same machine under a new id. Mesos goes on calling the task unreachable, but a volume that
    is offered is not in use.
    """
    for node in _unreachable(decision.world):
        task, place = node.task, node.placement
        if task is None or place is None or not is_reconciled(decision.world, node):
            continue
        found = matching.held(place, offers)
        if found is not None and found.volume and found.offers[0].agent_id != task.agent_id:
            message = f"its volume is offered by agent {found.offers[0].agent_id} now"
            gone = TaskUpdate(task.id, GONE, message=message, timestamp=now)
            decision = decision.with_node(lifecycle.apply_update(node, gone, now))
    return decision


@of_ledger
def _unreachable(world: World) -> list[Node]:
    return [node for node in world.ledger.members() if node.unreachable]


def _decline(decision: Decision, offers: Sequence[Offer]) -> Decision:
    world = decision.world
    waiting = world.session.waiting or world.session.slot_wanted
    refused: dict[float, list[str]] = {}
    for offer in offers:
        soon = waiting or resizing.is_in_doubt(world, offer)
        seconds = world.settings.mesos_refuse_seconds if soon else IDLE_REFUSE_SECONDS
        refused.setdefault(seconds, []).append(offer.id)
    return decision.plus(*(Decline(tuple(ids), seconds) for seconds, ids in refused.items()))


def _start_again(
    decision: Decision, node: Node, offers: list[Offer], now: float
) -> tuple[Decision, list[Offer]]:
    """Start a node where it lives, once all that is reserved for it is offered again.

    A node for whose new settings there is no room is started as it was: better that than not at all.
    """
    place = node.placement
    if place is None:
        return decision, offers
    found = matching.held(place, offers)
    if found is None:
        return _abandon(decision, node, offers), offers
    lacking = _lacking(node, place, found)
    for settings in () if lacking else _settings(decision.world, node):
        change = difference(found.resources, resized(place, settings))
        used = _with_free(found, offers) if change.more else found
        lacking = not_free(change, used.offers)
        if not lacking:
            left = [offer for offer in offers if offer not in used.offers]
            return launch.launch_again(decision, node, settings, used, change, now), left
    first = found.offers[0]
    return _short(decision, first.agent_id, Shortfall(first.hostname, lacking, now)), offers


def _lacking(node: Node, place: Placement, found: Held) -> tuple[str, ...]:
    """What has to be offered still. With the volume, which an executor holds to its end, all else is."""
    if found.volume:
        return ()
    return ("volume",) if node.holds_data else matching.missing(place, found)


def _settings(world: World, node: Node) -> Iterator[NodeSettings]:
    """What the node may be started with, best first."""
    best = owner.settings_for(world, node)
    yield best
    before = world.ledger.target.known.get(node.deployed or "")
    if before is not None and before != best:
        yield before


def _with_free(found: Held, offers: Iterable[Offer]) -> Held:
    """With all offers of that agent, for what is not reserved there."""
    agent = found.offers[0].agent_id
    return dataclasses.replace(found, offers=tuple(o for o in offers if o.agent_id == agent))


def _abandon(decision: Decision, node: Node, offers: Iterable[Offer]) -> Decision:
    """Give a place up on which nothing ever ran: its agent offers what should be reserved there.

    The launch that should have reserved it was lost or refused whole. Should the reservation show up
    later all the same, its generation is known as abandoned, and it is cleaned.
    """
    task, place = node.task, node.placement
    if task is None or place is None or task.started or node.holds_data:
        return decision
    if not any(offer.agent_id == place.agent_id for offer in offers):
        return decision
    abandoned = (*node.abandoned, place.generation)
    return decision.with_node(dataclasses.replace(node, placement=None, abandoned=abandoned))


def _start_anew(
    decision: Decision, node: Node, offers: list[Offer], now: float
) -> tuple[Decision, list[Offer]]:
    """Start a node on the first offer that does; note for the others what they lack."""
    world = decision.world
    neighbours = _neighbours(world, node)
    constraints = parse(world.settings.placement_constraint)
    settings = owner.settings_for(world, node)
    short: dict[str, Shortfall] = {}
    for offer in offers:
        lacking = _broken(world, node, offer, neighbours, constraints) or matching.shortfalls(offer, settings)
        if not lacking:
            left = [other for other in offers if other is not offer]
            rack = placement.rack_of(world.ledger.target.node.cassandra.rack, offer, neighbours) or ""
            return launch.launch_anew(decision.with_session(shortfalls={}), node, offer, rack, now), left
        short[offer.agent_id] = Shortfall(offer.hostname, lacking, now)
    return decision.with_session(shortfalls=_newest(world.session.shortfalls, short)), offers


def _newest(before: Mapping[str, Shortfall], short: Mapping[str, Shortfall]) -> dict[str, Shortfall]:
    """So many that people see what is the matter, and not as many as there are agents, with every batch."""
    merged = {**before, **short}
    if len(merged) <= MOST_SHORTFALLS:
        return merged
    return dict(itertools.islice(merged.items(), len(merged) - MOST_SHORTFALLS, None))


def _neighbours(world: World, node: Node) -> placement.Neighbours:
    counted = _counted(world)
    if node.number not in counted:
        counted[node.number] = placement.Neighbours(node, world.ledger.members())
    return counted[node.number]


@of_ledger
def _counted(world: World) -> dict[int, placement.Neighbours]:
    """The neighbours that were counted already, by the number of the node whose they are."""
    return {}


def _broken(
    world: World,
    node: Node,
    offer: Offer,
    neighbours: placement.Neighbours,
    constraints: tuple[Constraint, ...],
) -> tuple[str, ...]:
    """The conditions of the node's placement that the offer's agent breaks."""
    rack = placement.wrong_rack(node, world.ledger.target.node.cassandra.rack, offer, neighbours)
    violated = placement.violated(constraints, offer, neighbours)
    return (*placement.given_up(node, offer), *rack, *violated)


def _short(decision: Decision, agent_id: str, shortfall: Shortfall) -> Decision:
    return decision.with_session(shortfalls={**decision.world.session.shortfalls, agent_id: shortfall})
