"""Operations as plans: a phase of one step for each node."""

from __future__ import annotations

from scheduler.decide import maintenance, operations, owner
from scheduler.decide.owner import Wait
from scheduler.model.operation import FAILED, STOPPED, Operation, Part
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.task import RUNNING
from scheduler.model.world import World


def operation_plans(world: World, now: float) -> dict[str, Plan]:
    """The plan of the newest operation of each kind, by the kind."""
    newest = {kind: operations.latest(world, kind) for kind in operations.PHASES}
    return {kind: plan(world, one, now) for kind, one in newest.items() if one is not None}


def plan(world: World, operation: Operation, now: float) -> Plan:
    """An operation's plan."""
    steps = tuple(_step(world, operation, part, now) for part in operation.parts)
    phase = Phase(operations.phase_id(world, operation), operations.PHASES[operation.kind], steps)
    errors = (operation.failed,) if operation.failed else ()
    return Plan(operation.kind, (phase,), owner.interrupted(world, operation.kind), errors)


def _step(world: World, operation: Operation, part: Part, now: float) -> Step:
    status, message, wait = state(world, operation, part, now)
    return Step(
        id=operations.step_id(world, operation, part.name),
        name=f"{operation.kind}-{part.name}",
        status=status,
        message=message,
        started_at=part.started_at,
        ended_at=part.ended_at,
        attempts=part.launches,
        waiting_for=wait.reason if wait else None,
        deadline=wait.deadline if wait else None,
    )


def state(world: World, operation: Operation, part: Part, now: float) -> tuple[Status, str, Wait | None]:
    """How a node's part does, in words, and what it waits for."""
    if part.done:
        return Status.COMPLETE, "taken as complete by an operator" if part.forced else part.message, None
    if part.alive:
        return _alive(part)
    if operation.status == FAILED and part == operation.present:
        return Status.ERROR, operation.failed, None
    if operation.status in (FAILED, STOPPED):
        wait = Wait(
            f"the operation has {operation.status}; PUT /v1/plans/{operation.kind}/continue resumes it"
        )
        return Status.PENDING, wait.reason, wait
    present = operation.present
    if present is not None and present.node != part.node:
        return Status.PENDING, f"{present.name} comes first", None
    wait_for = maintenance.hindrance(world, operation, part, now)
    if wait_for is None:
        wait_for = Wait(f"an offer of the slot for maintenance that is reserved for {part.name}")
    return Status.DELAYED if wait_for.delayed else Status.WAITING, f"waits for {wait_for.reason}", wait_for


def _alive(part: Part) -> tuple[Status, str, Wait | None]:
    task, progress = part.task, part.progress
    if task is not None and task.kill_grace is not None:
        return Status.IN_PROGRESS, f"is being stopped; {part.message}".rstrip("; "), None
    if progress is not None and progress.waiting_for is not None:
        return Status.WAITING, part.message, Wait(progress.waiting_for)
    started = task is not None and task.state == RUNNING
    return Status.IN_PROGRESS if started else Status.STARTING, part.message or "the task starts", None
