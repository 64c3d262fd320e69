"""Plans, computed from the records: there is no second copy of the truth."""

from __future__ import annotations

from scheduler.decide import (
    departure_phase,
    owner,
    readiness,
    reconciliation_phase,
    shrinking,
    stops,
    uninstall,
    uninstall_plan,
    wants,
)
from scheduler.decide.operation_plans import operation_plans
from scheduler.decide.owner import (
    DEPLOY,
    DEPLOY_PHASE,
    RECOVERY,
    RECOVERY_PHASE,
    Wait,
    step_id,
)
from scheduler.decide.reconcile import is_reconciled
from scheduler.model.node import Node
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.task import KILLING, RUNNING, UNREACHABLE
from scheduler.model.world import World


def plans(world: World, now: float) -> dict[str, Plan]:
    """All plans by name; only that of the uninstallation once it was ordered."""
    if uninstall.stage(world) is not None:
        return {uninstall.UNINSTALL: uninstall_plan.plan(world)}
    return {DEPLOY: deploy(world, now), RECOVERY: recovery(world, now), **operation_plans(world, now)}


def deploy(world: World, now: float) -> Plan:
    """Reconciliation, then one step for each node, in their order, and one for each that is taken away."""
    steps = tuple(_deploy_step(world, node, now) for node in world.ledger.staying())
    phases: tuple[Phase, ...] = (
        reconciliation_phase.phase(world),
        Phase(step_id(world, DEPLOY, DEPLOY_PHASE), DEPLOY_PHASE, steps),
    )
    leaving = departure_phase.phase(world)
    errors = (*world.errors, *shrinking.refusals(world))
    phases = (*phases, leaving) if leaving else phases
    return Plan(DEPLOY, phases, owner.interrupted(world, DEPLOY), errors)


def recovery(world: World, now: float) -> Plan:
    """One step for each deployed node that is not a working member now."""
    steps = tuple(
        _node_step(world, node, RECOVERY, RECOVERY_PHASE, now)
        for node in world.ledger.members()
        if _is_recoverys(world, node) and not _whole(node)
    )
    phase = Phase(step_id(world, RECOVERY, RECOVERY_PHASE), RECOVERY_PHASE, steps)
    return Plan(RECOVERY, (phase,), owner.interrupted(world, RECOVERY))


def _is_recoverys(world: World, node: Node) -> bool:
    kept = world.ledger.wants(node) or (node.has_joined and not node.left)
    return kept and owner.owner(world, node) == RECOVERY


def _whole(node: Node) -> bool:
    """Whether nothing is to be done for the node. While Mesos has yet to tell of it, the last word holds."""
    if node.restart_ordered or node.replacement is not None:
        return False
    return node.normal and node.task is not None and not node.task.killing_since


def _deploy_step(world: World, node: Node, now: float) -> Step:
    ident = step_id(world, DEPLOY, DEPLOY_PHASE, node.name)
    if not owner.is_deployed(world, node):
        first = owner.current(world)
        if first is None or first.number == node.number:
            return _node_step(world, node, DEPLOY, DEPLOY_PHASE, now)
        return Step(ident, node.name, Status.PENDING, f"{first.name} comes first", attempts=node.launches)
    done = node.deployed == world.ledger.target.config_id
    place = f" at {node.placement.address}" if node.placement else ""
    message = f"has been NORMAL{place}" if done else "taken as complete by an operator"
    return Step(ident, node.name, Status.COMPLETE, message, node.begun_at, node.deployed_at, node.launches)


def _node_step(world: World, node: Node, plan: str, phase: str, now: float) -> Step:
    status, message, wait = _state(world, node, now)
    if node.replacement is not None:
        message = f"{_replacing(node)}: {message}"
    return Step(
        id=step_id(world, plan, phase, node.name),
        name=node.name,
        status=status,
        message=message,
        started_at=(wait.since if wait else None) or _since(world, node, plan),
        attempts=node.launches,
        waiting_for=wait.reason if wait else None,
        deadline=wait.deadline if wait else None,
    )


def _replacing(node: Node) -> str:
    order = node.replacement
    if order is None:
        return ""
    if node.giving_up:
        return f"is to be replaced, and {order.hostname} given up"
    return f"takes the place of {order.address or order.hostname}"


def _since(world: World, node: Node, plan: str) -> float | None:
    if node.replacement is not None:
        return node.replacement.ordered_at
    if plan == DEPLOY:
        return node.begun_at if owner.begun(world, node) else world.session.waiting.get(node.number)
    return node.task.since if node.task else world.session.waiting.get(node.number)


def _state(world: World, node: Node, now: float) -> tuple[Status, str, Wait | None]:
    """A step's status, its message, and what it waits for."""
    if not is_reconciled(world, node):
        wait = reconciliation_phase.wait(world, node)
        return Status.WAITING, f"waits for {wait.reason}", wait
    if node.alive:
        return _alive(world, node, now)
    ended = _ended(node)
    wait_to_start = owner.may_start(world, node, now)
    if wait_to_start is None:
        offer = Wait(wants.offer_for(world, node))
        return Status.WAITING, f"{ended}waits for {offer.reason}", offer
    if wait_to_start.delayed:
        tail = node.last_failure.log_tail if node.last_failure else ""
        return Status.DELAYED, f"{wait_to_start.reason}\n{tail}".rstrip(), wait_to_start
    return Status.WAITING, f"{ended}{wait_to_start.reason}", wait_to_start


def _ended(node: Node) -> str:
    """How the node's last task ended, to stand before what it waits for now."""
    task = node.task
    if task is None:
        return ""
    told = task.message or (node.last_failure.message if node.last_failure else "")
    return f"{task.state}{f': {told}' if told else ''}; "


def _alive(world: World, node: Node, now: float) -> tuple[Status, str, Wait | None]:
    task = node.task
    if task is None:
        raise ValueError(f"{node.name} has no task")
    if task.state == UNREACHABLE:
        wait = Wait(
            f"agent {task.agent_id} to come back, for the node may run on; where it never will, "
            f"PUT /v1/nodes/replace?node={node.name} puts the node elsewhere"
        )
        return Status.WAITING, "its agent is unreachable", wait
    if task.killing_since is not None or task.state == KILLING:
        then = "" if node.giving_up else ", to start again"
        return Status.IN_PROGRESS, f"drains and stops{then}: {task.message}".rstrip(": "), None
    held_up = _held_up(world, node, now)
    if held_up is not None:
        return Status.WAITING, held_up.reason, held_up
    if task.state != RUNNING:
        return Status.STARTING, task.message or "the executor starts", None
    lacking = readiness.lacking(world, node)
    return Status.IN_PROGRESS, lacking or "is NORMAL", None


def _held_up(world: World, node: Node, now: float) -> Wait | None:
    """Why a node that is to be taken down still runs."""
    outdated = owner.is_outdated(world, node) and world.ledger.wants(node)
    return stops.wait(world, node, now) if node.restart_ordered or node.giving_up or outdated else None
