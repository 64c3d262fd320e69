"""The phase of the deploy plan that takes nodes away: one step for each, in the order in which they leave."""

from __future__ import annotations

from scheduler.decide import departure, reconciliation_phase, shrinking
from scheduler.decide.owner import DEPARTURE_PHASE, DEPLOY, Wait, step_id
from scheduler.decide.reconcile import is_reconciled
from scheduler.model.node import Departure, Node, Stage
from scheduler.model.plan import Phase, Status, Step
from scheduler.model.world import World

MIB = 2**20

State = tuple[Status, str, Wait | None]


def phase(world: World) -> Phase | None:
    """The phase; None where no node is, or was, taken away."""
    steps = tuple(step_of(world, DEPLOY, DEPARTURE_PHASE, node) for node in nodes(world))
    return Phase(step_id(world, DEPLOY, DEPARTURE_PHASE), DEPARTURE_PHASE, steps) if steps else None


def nodes(world: World) -> list[Node]:
    """The nodes that are to leave or have left, the first to leave first."""
    asked = {node.number for node in shrinking.wanted(world)}
    wanted = world.ledger.target.nodes
    found = [n for n in world.ledger.nodes.values() if n.departure or n.number >= wanted or n.number in asked]
    return sorted(found, key=lambda node: -node.number)


def step_of(world: World, plan: str, phase: str, node: Node) -> Step:
    """A node's step."""
    status, message, wait = _state(world, node)
    begun = node.departure
    return Step(
        id=step_id(world, plan, phase, node.name),
        name=node.name,
        status=status,
        message=message,
        started_at=begun.ordered_at if begun else None,
        ended_at=begun.since if begun and node.gone else None,
        attempts=node.launches,
        waiting_for=wait.reason if wait else None,
    )


def _state(world: World, node: Node) -> State:
    if node.departure is not None:
        return _under_way(world, node, node.departure)
    if node.number < world.ledger.target.nodes:
        return _asked(world)
    following = departure.next_to_leave(world)
    if following is not None and following.number != node.number:
        return Status.PENDING, f"{following.name} comes first", None
    wait = departure.hindrance(world, node) or Wait("its turn")
    return Status.WAITING, f"waits for {wait.reason}", wait


def _asked(world: World) -> State:
    refusals = shrinking.refusals(world)
    if refusals:
        return Status.ERROR, "; ".join(refusals), None
    wait = Wait(f"the answers of {shrinking.waiting_for(world)}: is there room for what moves?")
    return Status.WAITING, f"waits for {wait.reason}", wait


def _under_way(world: World, node: Node, begun: Departure) -> State:
    host = node.placement.hostname if node.placement else "its agent"
    match begun.stage:
        case Stage.LEAVING:
            return _leaving(world, node)
        case Stage.LEFT if node.unreachable:
            wait = Wait(f"{host} to come back, for its task to be ended; forceComplete gives it up")
            return Status.WAITING, f"waits for {wait.reason}", wait
        case Stage.LEFT if not is_reconciled(world, node):
            wait = reconciliation_phase.wait(world, node)
            return Status.WAITING, f"waits for {wait.reason}", wait
        case Stage.LEFT:
            return Status.IN_PROGRESS, "its task is being ended", None
        case Stage.KILLED:
            wait = Wait(f"an offer of {host}, to destroy its volume; forceComplete gives it up")
            return Status.WAITING, f"its task has ended; waits for {wait.reason}", wait
        case Stage.DESTROYED:
            wait = Wait(f"an offer of {host}, to give back what was reserved; forceComplete gives it up")
            return Status.WAITING, f"its volume is destroyed; waits for {wait.reason}", wait
        case Stage.UNRESERVED:
            return Status.COMPLETE, begun.message or "nothing of it is left", None


def _leaving(world: World, node: Node) -> State:
    if not node.running:
        wait = Wait(f"{node.name} to run again, which the plan recovery sees to")
        return Status.WAITING, f"hands its data over; waits for {wait.reason}", wait
    order = world.session.leaving.get(node.number)
    answer = order.answer if order else None
    if order is not None and answer is not None and answer.problem:
        wait = Wait("Cassandra to agree to the same order, which is given again", order.next_at, delayed=True)
        return Status.DELAYED, f"Cassandra refuses to leave: {answer.problem}", wait
    if answer is None or answer.total_bytes == 0:
        mode = node.status.mode if node.status else "starting"
        return Status.IN_PROGRESS, f"hands its data over; Cassandra is {mode}", None
    sent = f"{answer.sent_bytes / MIB:.1f} of {answer.total_bytes / MIB:.1f} MB sent"
    return Status.IN_PROGRESS, f"hands its data over: {sent}", None
