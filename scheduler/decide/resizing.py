"""Growing and shrinking what is reserved for a node, whose volume stays as it is.

A node that shall have more is stopped only once that is reserved too, so an agent without room keeps no
node down. What it has too much of is given back: with its next start, or as soon as it shows in an offer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scheduler.decide import owner
from scheduler.decide.decision import Decision
from scheduler.decide.matching import ours
from scheduler.decide.memory import of_ledger
from scheduler.decide.reconcile import is_reconciled
from scheduler.decide.requirement import GENERATION_LABEL, NODE_LABEL, resized, shares
from scheduler.model.intent import Accept, Operation, Reserve, Unreserve
from scheduler.model.node import Node, Placement, Task
from scheduler.model.offer import Offer
from scheduler.model.resource import Resource, ranges_from, ranges_of, total
from scheduler.model.world import Shortfall, World

REFUSE_REST_SECONDS = 1.0


@dataclass(frozen=True)
class Change:
    """What turns what is reserved into what is wanted."""

    more: tuple[Resource, ...] = ()
    less: tuple[Resource, ...] = ()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """As operations of an ACCEPT."""
        given_back = (Unreserve(self.less),) if self.less else ()
        return (*given_back, *((Reserve(self.more),) if self.more else ()))


def difference(have: Sequence[Resource], want: Sequence[Resource]) -> Change:
    """What to reserve and to give back; of ``want`` everything but the volume counts."""
    more, less = [], []
    for wanted in want:
        if wanted.persistence_id is None:
            lacking, surplus = _apart(have, wanted)
            more += lacking
            less += surplus
    return Change(tuple(more), tuple(less))


def _apart(have: Sequence[Resource], wanted: Resource) -> tuple[list[Resource], list[Resource]]:
    if wanted.ranges:
        held, needed = _ports(have), _ports([wanted])
        lacking, surplus = needed - held, held - needed
        more = [wanted._replace(ranges=ranges_from(lacking))] if lacking else []
        return more, [wanted._replace(ranges=ranges_from(surplus))] if surplus else []
    delta = round(wanted.scalar - total(have, wanted.name), 3)
    more = [wanted._replace(scalar=delta)] if delta > 0 else []
    return more, [wanted._replace(scalar=-delta)] if delta < 0 else []


def _ports(resources: Iterable[Resource]) -> set[int]:
    return {port for begin, end in ranges_of(resources) for port in range(begin, end + 1)}


def certain(want: Iterable[Resource], change: Change) -> tuple[Resource, ...]:
    """What of it is reserved whatever becomes of the call that makes the change.

    That alone goes into the record: a RESERVE may be dropped while the LAUNCH beside it has what it needs.
    """
    return tuple(_without(resource, change.more) for resource in want)


def _without(resource: Resource, more: Iterable[Resource]) -> Resource:
    added = [r for r in more if r.name == resource.name]
    if resource.ranges:
        return resource._replace(ranges=ranges_from(_ports([resource]) - _ports(added)))
    return resource._replace(scalar=round(resource.scalar - total(added, resource.name), 3))


def not_free(change: Change, offers: Iterable[Offer]) -> tuple[str, ...]:
    """What of the additional resources the offers do not hold unreserved, by name."""
    free = [r for offer in offers for r in offer.resources if not r.reservations]
    return tuple(r.name for r in difference(free, change.more).more)


def has_room(world: World, node: Node) -> bool:
    """Whether all that the node's next start needs is reserved for it."""
    place = node.placement
    return place is None or _covers(place, resized(place, owner.settings_for(world, node)))


@of_ledger
def growing(world: World) -> list[Node]:
    """The node that is to be restarted with more than is reserved for it, for which an offer is wanted."""
    node = owner.current(world)
    if node is None or not owner.is_outdated(world, node) or owner.owner(world, node) != owner.DEPLOY:
        return []
    return [] if has_room(world, node) else [node]


def wait(world: World, node: Node) -> owner.Wait | None:
    """What a running node lacks for its restart with more resources; None when it lacks nothing."""
    place = node.placement
    if place is None or has_room(world, node):
        return None
    more = difference(place.resources, resized(place, owner.settings_for(world, node))).more
    short = world.session.shortfalls.get(place.agent_id)
    missing = f"; not free there: {', '.join(short.reasons)}" if short else ""
    return owner.Wait(f"{_described(more)} more on {place.hostname}, where it runs on meanwhile{missing}")


def _described(resources: Iterable[Resource]) -> str:
    return ", ".join(
        f"ports {', '.join(map(str, sorted(_ports([r]))))}" if r.ranges else f"{r.scalar:g} {r.name}"
        for r in resources
    )


def _covers(place: Placement, want: Sequence[Resource]) -> bool:
    return not difference(place.resources, want).more


def fit(decision: Decision, offers: Sequence[Offer], now: float) -> tuple[Decision, list[Offer]]:
    """Use the offers that show too little or too much reserved for a running node; return the others."""
    left = []
    for offer in offers:
        node = _lives_beside(decision.world, offer)
        fitted = _fit(decision, node, offer, now) if node is not None and node.running else None
        decision = fitted or decision
        if fitted is None or not _uses(fitted, offer):
            left.append(offer)
    return decision, left


def _uses(decision: Decision, offer: Offer) -> bool:
    last = decision.intents[-1] if decision.intents else None
    return isinstance(last, Accept) and offer.id in last.offer_ids


def _lives_beside(world: World, offer: Offer) -> Node | None:
    """The node with a live task of whose reservation the offer holds a part."""
    for resource in offer.resources:
        if resource.reservations and ours(resource, world.settings.service.cluster):
            node = world.ledger.recorded(resource.label(NODE_LABEL) or "")
            same = node is not None and _same(node.placement, resource)
            if node is not None and same and node.alive and is_reconciled(world, node):
                return node
    return None


def _same(place: Placement | None, resource: Resource) -> bool:
    return place is not None and resource.label(GENERATION_LABEL) == place.generation


def _fit(decision: Decision, node: Node, offer: Offer, now: float) -> Decision | None:
    world, place, task = decision.world, node.placement, node.task
    if place is None or task is None or task.killing_since is not None:
        return None
    have = _reserved(world, place, task, offer)
    if have is None:
        return None
    want = _wanted(world, node, place, task)
    change = difference(have, want)
    lacking = not_free(change, [offer])
    if lacking:
        short = {**world.session.shortfalls, place.agent_id: Shortfall(place.hostname, lacking, now)}
        return decision.with_session(shortfalls=short)
    sure = certain(want, change)
    if sure != place.resources:
        place = dataclasses.replace(place, resources=sure)
        decision = decision.with_node(dataclasses.replace(node, placement=place))
    if not change.operations:
        return decision
    return decision.plus(Accept((offer.id,), change.operations, REFUSE_REST_SECONDS))


def is_in_doubt(world: World, offer: Offer) -> bool:
    """Whether the offer holds a part of what is reserved for a node, and what else is cannot be told yet.

    The rest is in another offer, or the node only starts, or stops.
    """
    node = _lives_beside(world, offer)
    if node is None or node.placement is None or node.task is None:
        return False
    return not node.running or _reserved(world, node.placement, node.task, offer) is None


def _reserved(world: World, place: Placement, task: Task, offer: Offer) -> list[Resource] | None:
    """All that is reserved for a running node: what it uses and what the offer holds; None if in doubt."""
    settings = world.ledger.target.known.get(task.config_id)
    spare = [r for r in offer.resources if r.reservations and _same(place, r)]
    if settings is None or any(r.persistence_id for r in spare):
        return None
    share = shares(place, settings)
    used = [r for r in (*share.executor, *share.server) if r.persistence_id is None]
    have = [*used, *spare]
    return None if _ports(used) & _ports(spare) or difference(have, place.resources).more else have


def _wanted(world: World, node: Node, place: Placement, task: Task) -> tuple[Resource, ...]:
    """What shall be reserved now: what it runs with, and before a restart also what it will run with."""
    present = resized(place, world.ledger.target.known[task.config_id])
    if not (owner.is_outdated(world, node) and owner.owner(world, node) == owner.DEPLOY):
        return present
    following = resized(place, owner.settings_for(world, node))
    return tuple(_larger(one, other) for one, other in zip(present, following, strict=True))


def _larger(one: Resource, other: Resource) -> Resource:
    if one.ranges:
        return one._replace(ranges=ranges_from(_ports([one, other])))
    return one if one.scalar >= other.scalar else other
