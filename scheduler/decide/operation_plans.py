"""Operations as plans: phases of one step for each node that has a part in them."""

from __future__ import annotations

from protocol.backup import RESTORE_PHASE
from scheduler.decide import maintenance, operations, owner
from scheduler.decide.owner import Wait
from scheduler.model.operation import FAILED, PARALLEL, STOPPED, Operation, Part
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.task import RUNNING
from scheduler.model.world import World


def operation_plans(world: World, now: float) -> dict[str, Plan]:
    """The plan of the newest operation of each kind, by the kind."""
    newest = {kind: operations.latest(world, kind) for kind in operations.PHASES}
    return {kind: plan(world, one, now) for kind, one in newest.items() if one is not None}


def plan(world: World, operation: Operation, now: float) -> Plan:
    """An operation's plan."""
    phases = tuple(_phase(world, operation, name, now) for name in operations.PHASES[operation.kind])
    errors = (operation.failed,) if operation.failed else ()
    return Plan(operation.kind, phases, owner.interrupted(world, operation.kind), errors)


def _phase(world: World, operation: Operation, name: str, now: float) -> Phase:
    parts = [part for part in operation.parts if operations.phase_of(operation, part) == name]
    steps = tuple(_step(world, operation, part, now) for part in parts)
    strategy = "parallel" if name in PARALLEL else "serial"
    return Phase(operations.phase_id(world, operation, name), name, steps, strategy)


def _step(world: World, operation: Operation, part: Part, now: float) -> Step:
    status, message, wait = state(world, operation, part, now)
    return Step(
        id=operations.step_id(world, operation, part),
        name=operations.step_name(operation, part),
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
    if operation.failed and part.failures >= maintenance.MOST_FAILURES:
        return Status.ERROR, operation.failed, None
    if operation.status in (FAILED, STOPPED):
        wait = Wait(
            f"the operation has {operation.status}; PUT /v1/plans/{operation.kind}/continue resumes it"
        )
        return Status.PENDING, wait.reason, wait
    if operation.closing:
        return Status.PENDING, "the operation is being ended", None
    if part not in operation.open:
        return Status.PENDING, _before(operation, part), None
    if part.phase == RESTORE_PHASE and operation.is_new:
        return _restoring(world, part)
    wait_for = maintenance.hindrance(world, operation, part, now)
    if wait_for is None:
        wait_for = Wait(f"an offer of the slot for maintenance that is reserved for {part.name}")
    return Status.DELAYED if wait_for.delayed else Status.WAITING, f"waits for {wait_for.reason}", wait_for


def _before(operation: Operation, part: Part) -> str:
    """What a part waits its turn for."""
    present = operation.open[0]
    return f"{present.name} comes first" if present.phase == part.phase else f"{present.phase} comes first"


def _restoring(world: World, part: Part) -> tuple[Status, str, Wait | None]:
    """How a node does that is to start on restored data, which is the deploy plan's doing."""
    node = world.ledger.nodes[part.node]
    if node.restoration is None:
        return Status.WAITING, "waits for all nodes to be NORMAL", Wait("all nodes to be NORMAL")
    if not node.restoration.begun:
        return Status.IN_PROGRESS, "stops, with all others" if node.alive else "has stopped", None
    return Status.IN_PROGRESS, "starts on the restored data; the plan deploy says more", None


def _alive(part: Part) -> tuple[Status, str, Wait | None]:
    task, progress = part.task, part.progress
    if task is not None and task.kill_grace is not None:
        return Status.IN_PROGRESS, f"is being stopped; {part.message}".rstrip("; "), None
    if progress is not None and progress.waiting_for is not None:
        return Status.WAITING, part.message, Wait(progress.waiting_for)
    started = task is not None and task.state == RUNNING
    return Status.IN_PROGRESS if started else Status.STARTING, part.message or "the task starts", None
