"""Plans, computed from the records: there is no second copy of the truth."""

from __future__ import annotations

from collections import Counter

from scheduler.decide import owner, readiness, stops
from scheduler.decide.operation_plans import operation_plans
from scheduler.decide.owner import (
    DEPLOY,
    DEPLOY_PHASE,
    RECONCILIATION_PHASE,
    RECOVERY,
    RECOVERY_PHASE,
    Wait,
    step_id,
)
from scheduler.decide.reconcile import AGENT_REREGISTER_SECONDS
from scheduler.model.node import Node
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.task import KILLING, RUNNING, UNREACHABLE
from scheduler.model.world import World


def plans(world: World, now: float) -> dict[str, Plan]:
    """All plans by name."""
    return {DEPLOY: deploy(world, now), RECOVERY: recovery(world, now), **operation_plans(world, now)}


def deploy(world: World, now: float) -> Plan:
    """Reconciliation, then one step for each node, in their order."""
    steps = tuple(_deploy_step(world, node, now) for node in world.ledger.staying())
    phases = (
        Phase(step_id(world, DEPLOY, RECONCILIATION_PHASE), RECONCILIATION_PHASE, (_reconciliation(world),)),
        Phase(step_id(world, DEPLOY, DEPLOY_PHASE), DEPLOY_PHASE, steps),
    )
    return Plan(DEPLOY, phases, owner.interrupted(world, DEPLOY), world.errors)


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
    return node.normal and not node.restart_ordered and node.task is not None and not node.task.killing_since


def _reconciliation(world: World) -> Step:
    ident = step_id(world, DEPLOY, RECONCILIATION_PHASE, RECONCILIATION_PHASE)
    progress, name = world.session.reconciliation, RECONCILIATION_PHASE
    if not world.session.registered or progress is None:
        message = "not registered with a Mesos master"
        return Step(ident, name, Status.WAITING, message, waiting_for="a Mesos master")
    if progress.completed_at is not None:
        return Step(
            ident,
            name,
            Status.COMPLETE,
            "Mesos has told the state of every task",
            progress.started_at,
            progress.completed_at,
            progress.attempts,
        )
    waiting = "the state of " + ", ".join(sorted(progress.outstanding))
    return Step(
        ident,
        name,
        Status.WAITING,
        f"asked Mesos {progress.attempts} times; agents may still be coming back to a new master",
        progress.started_at,
        None,
        progress.attempts,
        waiting,
        progress.started_at + AGENT_REREGISTER_SECONDS,
    )


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
    return Step(
        id=step_id(world, plan, phase, node.name),
        name=node.name,
        status=status,
        message=message,
        started_at=_since(world, node, plan),
        attempts=node.launches,
        waiting_for=wait.reason if wait else None,
        deadline=wait.deadline if wait else None,
    )


def _since(world: World, node: Node, plan: str) -> float | None:
    if plan == DEPLOY:
        return node.begun_at if owner.begun(world, node) else world.session.waiting.get(node.number)
    return node.task.since if node.task else None


def _state(world: World, node: Node, now: float) -> tuple[Status, str, Wait | None]:
    """A step's status, its message, and what it waits for."""
    if node.alive:
        return _alive(world, node)
    wait = owner.may_start(world, node, now)
    if wait is None:
        return _waits_for_offer(world, node)
    if wait.delayed:
        tail = node.last_failure.log_tail if node.last_failure else ""
        return Status.DELAYED, f"{wait.reason}\n{tail}".rstrip(), wait
    return Status.WAITING, wait.reason, wait


def _alive(world: World, node: Node) -> tuple[Status, str, Wait | None]:
    task = node.task
    if task is None:
        raise ValueError(f"{node.name} has no task")
    if task.state == UNREACHABLE:
        wait = Wait(f"agent {task.agent_id} to come back: Mesos cannot reach it, and the node may run on")
        return Status.WAITING, "its agent is unreachable", wait
    if task.killing_since is not None or task.state == KILLING:
        return Status.IN_PROGRESS, f"drains and stops, to start again: {task.message}".rstrip(": "), None
    held_up = _held_up(world, node)
    if held_up is not None:
        return Status.WAITING, held_up.reason, held_up
    if task.state != RUNNING:
        return Status.STARTING, task.message or "the executor starts", None
    lacking = readiness.lacking(world, node)
    return Status.IN_PROGRESS, lacking or "is NORMAL", None


def _held_up(world: World, node: Node) -> Wait | None:
    """Why a node that is to be taken down still runs."""
    outdated = owner.is_outdated(world, node) and world.ledger.wants(node)
    return stops.wait(world, node) if node.restart_ordered or outdated else None


def _waits_for_offer(world: World, node: Node) -> tuple[Status, str, Wait]:
    place = node.placement
    if place is not None:
        own = world.session.shortfalls.get(place.agent_id)
        detail = f"; {', '.join(own.reasons)} not yet free there" if own else ""
        reason = f"an offer of what is reserved for it on {place.hostname}{detail}"
    else:
        reason = "an offer with " + _wanted(world) + _shortfalls(world)
    return Status.WAITING, f"waits for {reason}", Wait(reason)


def _wanted(world: World) -> str:
    node = world.ledger.target.node
    ports = ", ".join(map(str, sorted(node.cassandra.ports)))
    return (
        f"{node.cpus:g} cpus, {node.memory_mb:g} MB mem, {node.cassandra.disk_mb:g} MB disk "
        f"({node.cassandra.disk_type}) and ports {ports}"
    )


def _shortfalls(world: World) -> str:
    """On how many agents each resource is missing."""
    found = world.session.shortfalls.values()
    counts = Counter(reason for shortfall in found for reason in shortfall.reasons)
    if not counts:
        return "; none has come yet"
    texts = [f"{reason} missing on {_agents(count)}" for reason, count in sorted(counts.items())]
    return f"; of {_agents(len(found))}: {', '.join(texts)}"


def _agents(count: int) -> str:
    return f"{count} agent" if count == 1 else f"{count} agents"
