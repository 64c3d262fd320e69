"""Working through an operation: a task in each node's slot, one node after the other or all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from protocol.codec import DecodeError
from protocol.maintenance import REPAIR, MaintenanceTask
from protocol.report import Report, decode_report
from protocol.task import encode_task
from scheduler.decide import ids, matching, operations, owner, reminders, restoration, transfers, validations
from scheduler.decide.decision import Decision
from scheduler.decide.launch import REFUSE_REST_SECONDS
from scheduler.decide.lifecycle import FIRST_DELAY_SECONDS, delay, says_more
from scheduler.decide.operations import with_operation, with_part
from scheduler.decide.owner import Wait
from scheduler.decide.reconcile import is_task_reconciled
from scheduler.model.intent import Accept, Kill, Launch
from scheduler.model.node import Node, Placement
from scheduler.model.offer import Offer
from scheduler.model.operation import Operation, Part, WorkTask
from scheduler.model.resource import Resource, total
from scheduler.model.task import (
    ERROR,
    FAILED,
    FINISHED,
    GONE,
    STAGING,
    TERMINAL,
    UNKNOWN,
    UNREACHABLE,
    TaskUpdate,
)
from scheduler.model.world import World

MOST_FAILURES = 4
"""A part that fails so often in a row without getting any further fails its operation."""

PIECE_SECONDS = 3600.0
"""How long an interrupted operation may take to finish the table or segment that it is at."""

LEAST_CPUS, LEAST_MEMORY_MB = 0.01, 32.0
"""Less than Mesos takes for a task."""

EXECUTOR_ENDED = "REASON_EXECUTOR_TERMINATED"


def apply_update(
    decision: Decision, operation: Operation, part: Part, update: TaskUpdate, now: float
) -> Decision:
    """The operation's record after an update of a part's present task."""
    task = part.task
    if task is None or task.state in TERMINAL:
        return decision
    part = _heard(part, update)
    if update.state in TERMINAL or update.state == UNKNOWN:
        return with_part(decision, operation, _ended(part, task, update, now))
    if not says_more(task.state, update):
        return decision
    since = task.since if task.state == update.state else now
    running = dataclasses.replace(task, state=update.state, since=since)
    return with_part(decision, operation, dataclasses.replace(part, task=running))


def _heard(part: Part, update: TaskUpdate) -> Part:
    report = _report(update)
    return dataclasses.replace(
        part,
        progress=report.progress or part.progress,
        message=update.message or part.message,
        outcome=part.outcome if report.outcome is None else report.outcome,
    )


def _report(update: TaskUpdate) -> Report:
    try:
        return decode_report(update.data)
    except DecodeError:
        # An executor of a foreign version: its state counts, what it adds cannot be read.
        return Report()


def _ended(part: Part, task: WorkTask, update: TaskUpdate, now: float) -> Part:
    part = dataclasses.replace(part, task=dataclasses.replace(task, state=update.state, since=now))
    if update.state == FINISHED:
        return dataclasses.replace(part, done=True, ended_at=now, failures=0)
    if update.state not in (FAILED, ERROR) or update.reason == EXECUTOR_ENDED:
        # Nothing was wrong with the work: the node, its agent or an order has ended it.
        return dataclasses.replace(part, not_before=now + FIRST_DELAY_SECONDS)
    come_to = part.progress.done if part.progress else 0
    failure = _report(update).failure
    failures = part.failures + 1 if come_to <= part.stuck_at else 1
    if failure is not None and failure.final:
        failures = MOST_FAILURES
    return dataclasses.replace(
        part, failures=failures, stuck_at=come_to, not_before=now + delay(failures + 1)
    )


def advance(decision: Decision, now: float) -> Decision:
    """Do for the running operation what has become possible or necessary."""
    operation = operations.active(decision.world)
    if operation is None:
        return transfers.tidy(decision, now)
    present = _without_lost_tasks(decision.world, operation, now)
    decision = decision if present == operation else with_operation(decision, present)
    for part in present.parts:
        decision = _hold_to_orders(decision, present, part, now)
    decision = restoration.advance(decision, operation.id, now)
    operation = decision.world.ledger.operations[operation.id]
    settled = _settled(decision.world, operation, now)
    decision = decision if settled == operation else with_operation(decision, settled)
    decision = validations.end(transfers.tell(decision, settled, now), settled, now)
    return transfers.tidy(decision, now)


def _settled(world: World, operation: Operation, now: float) -> Operation:
    """The operation, ended where all is done, a part has failed for good, or its stop is complete."""
    operation = _without_nodes(world, operation, now)
    broken = next((p for p in operation.parts if not p.done and p.failures >= MOST_FAILURES), None)
    if broken is not None and not (broken.alive or operation.closing):
        operation = dataclasses.replace(operation, failed=_failure(broken))
    if any(part.alive for part in operation.parts) or not operation.closing:
        return operation
    if transfers.is_untidy(world, operation) or validations.are_pending(world, operation):
        return operation
    return transfers.unsealed(dataclasses.replace(operation, ended_at=now))


def _failure(part: Part) -> str:
    times = f" {part.failures} times: " if part.launches > 1 else ": "
    return f"{part.name} failed{times}{part.message}"


def _without_nodes(world: World, operation: Operation, now: float) -> Operation:
    """Do without nodes that were taken away, where that can be: not in what is of all nodes together."""
    gone = [part for part in operation.parts if _is_gone(world, part)]
    if gone and operation.transfer is not None:
        failed = f"{gone[0].name} was taken away before its part was done: order a new {operation.kind}"
        return operation if operation.closing else dataclasses.replace(operation, failed=failed)
    parts = tuple(_without_node(part, now) if part in gone else part for part in operation.parts)
    return dataclasses.replace(operation, parts=parts)


def _is_gone(world: World, part: Part) -> bool:
    node = world.ledger.nodes.get(part.node)
    return (node is None or node.left) and not part.done


def _without_node(part: Part, now: float) -> Part:
    return dataclasses.replace(part, done=True, ended_at=now, message="the node was taken away")


def _without_lost_tasks(world: World, operation: Operation, now: float) -> Operation:
    """A machine that is back under a new id has no tasks any more that Mesos calls unreachable for ever."""
    return dataclasses.replace(
        operation, parts=tuple(_without_lost_task(world, part, now) for part in operation.parts)
    )


def _without_lost_task(world: World, part: Part, now: float) -> Part:
    """It is over where Mesos does not reach it and the node does not live on its agent any more."""
    node, task = world.ledger.nodes.get(part.node), part.task
    place = node.placement if node is not None else None
    if task is None or task.state != UNREACHABLE or (place is not None and place.agent_id == task.agent_id):
        return part
    message = f"{part.name} has left the unreachable agent {task.agent_id}"
    gone = TaskUpdate(task.id, GONE, message=message, timestamp=now)
    return _ended(_heard(part, gone), task, gone, now)


def _hold_to_orders(decision: Decision, operation: Operation, part: Part, now: float) -> Decision:
    """End a task that is to stop, at once, or that an interrupted plan waits for, after its present piece."""
    task, world = part.task, decision.world
    if task is None or not task.alive or not is_task_reconciled(world, task.id):
        return decision
    if operation.stopping or operation.failed or part.done:
        grace = 0.0
    elif owner.interrupted(world, operation.kind):
        grace = PIECE_SECONDS
    else:
        return decision
    asked_before = task.kill_grace is not None and task.kill_grace <= grace
    if asked_before and not reminders.is_due(world, task.id, now):
        return decision
    part = dataclasses.replace(part, task=dataclasses.replace(task, kill_grace=grace))
    decision = reminders.noted(decision, task.id, now)
    if not asked_before:
        decision = with_part(decision, operation, part)
    return decision.plus(Kill(task.id, task.agent_id, grace))


def hindrance(world: World, operation: Operation, part: Part, now: float) -> Wait | None:
    """What keeps a part without a live task from being worked on; None when it wants an offer."""
    if owner.interrupted(world, operation.kind):
        return Wait(
            f"the plan {operation.kind} is interrupted; PUT /v1/plans/{operation.kind}/continue lets it go on"
        )
    if now < part.not_before:
        reason = f"{part.name} to be tried again"
        if part.failures:
            reason += f", which failed {part.failures} times in a row: {part.message}"
        return Wait(reason, part.not_before, delayed=part.failures > 0)
    node = world.ledger.nodes.get(part.node)
    if node is None or not node.normal:
        return Wait(f"{part.name} to be NORMAL again; the plans deploy and recovery say more")
    if operation.kind == REPAIR:
        down = [other.name for other in world.ledger.members() if other.bootstrapped and not other.normal]
        if down:
            return Wait(f"{', '.join(down)} to be NORMAL again: a repair needs all replicas")
    if part.task is not None and not is_task_reconciled(world, part.task.id):
        return Wait("Mesos to tell the state of its last task")
    return transfers.hindrance(world, operation, part)


def wanting(world: World, now: float) -> list[tuple[Operation, Part]]:
    """The parts that are to be worked on as soon as their nodes' slots are offered."""
    operation = operations.active(world)
    if operation is None or operation.closing:
        return []
    ready = [part for part in operation.open if not part.alive and _is_free(operation, part)]
    return [(operation, part) for part in ready if hindrance(world, operation, part, now) is None]


def _is_free(operation: Operation, part: Part) -> bool:
    """Whether the slot of a part's node may be taken: serially, only once all others have ended."""
    parallel = len(operation.open) > 1
    return not any(other.alive for other in operation.parts if other.node == part.node or not parallel)


def use(decision: Decision, offers: Sequence[Offer], now: float) -> tuple[Decision, list[Offer]]:
    """Launch the tasks that are wanted where offers hold their nodes' slots; return the other offers."""
    left = list(offers)
    for _, part in wanting(decision.world, now):
        decision, left = _use(decision, part, left, now)
    return decision, left


def _use(decision: Decision, part: Part, offers: list[Offer], now: float) -> tuple[Decision, list[Offer]]:
    operation = operations.active(decision.world)
    node = decision.world.ledger.nodes.get(part.node)
    found = matching.held(node.placement, offers) if node and node.placement else None
    slot = _slot(decision.world, found.resources) if found else None
    if operation is None or node is None or found is None or slot is None:
        return decision, offers
    decision = _launch(decision, operation, part, node, found.offers, slot, now)
    return decision, [offer for offer in offers if offer not in found.offers]


def _slot(world: World, resources: Sequence[Resource]) -> tuple[Resource, ...] | None:
    """What a maintenance task takes of what a node's reservation has free; None where it is too little."""
    settings = world.ledger.target.node
    cpus = min(settings.cluster_task_cpus, total(resources, "cpus"))
    memory = min(settings.cluster_task_memory_mb, total(resources, "mem"))
    if cpus < LEAST_CPUS or memory < LEAST_MEMORY_MB:
        return None
    reservations = next(r.reservations for r in resources if r.name == "cpus")
    return (
        Resource("cpus", cpus, reservations=reservations),
        Resource("mem", memory, reservations=reservations),
    )


def _launch(
    decision: Decision,
    operation: Operation,
    part: Part,
    node: Node,
    offers: Sequence[Offer],
    slot: tuple[Resource, ...],
    now: float,
) -> Decision:
    world, server = decision.world, node.task
    if server is None or node.placement is None:
        raise ValueError(f"{node.name} does not run")
    launches = part.launches + 1
    name = operations.step_name(operation, part)
    task_id = f"{name}__{ids.derived_id(world, operation.id, node.name, launches, *_named(part))}"
    data = _data(world, operation, part, node.placement, total(slot, "mem"))
    launch = Launch(task_id, name, offers[0].agent_id, server.executor, slot, data)
    part = dataclasses.replace(
        part,
        launches=launches,
        task=WorkTask(task_id, offers[0].agent_id, STAGING, now),
        started_at=part.started_at or now,
    )
    accept = Accept(tuple(offer.id for offer in offers), (launch,), REFUSE_REST_SECONDS)
    return with_part(decision, operation, part).plus(accept)


def _named(part: Part) -> tuple[str, ...]:
    return (part.phase,) if part.phase else ()


def _data(world: World, operation: Operation, part: Part, place: Placement, memory_mb: float) -> bytes:
    disk_mb = sum(resource.scalar for resource in place.resources if resource.persistence_id)
    if operation.transfer is not None:
        return encode_task(transfers.task(world, operation, operation.transfer, part, disk_mb))
    return encode_task(
        MaintenanceTask(
            node=part.name,
            operation=f"{operation.id}-{part.round}",
            kind=operation.kind,
            tables=dict(operation.tables),
            helper_memory_mb=memory_mb,
            disk_mb=disk_mb,
            repair=operation.repair,
        )
    )
