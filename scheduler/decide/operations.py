"""Operations as operators order them: begun, stopped, begun again, and looked up.

One operation runs at a time: each works in the one slot that a node has for maintenance, and two of them
would fight for the node's disk. ``transfers`` has what is special to backup and restore.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

from protocol import backup
from scheduler.decide import ids
from scheduler.decide.decision import Decision, Refused, UnknownName
from scheduler.decide.memory import of_ledger
from scheduler.model.event import StartOperation
from scheduler.model.node import Node
from scheduler.model.operation import RUNNING, Operation, Part
from scheduler.model.world import World

MAINTENANCE: Mapping[str, tuple[str, ...]] = {
    "cleanup": ("Cleanup",),
    "repair": ("Repair",),
    "upgradesstables": ("UpgradeSSTable",),
}

TRANSFERS: Mapping[str, tuple[str, ...]] = {
    backup.BACKUP: (backup.SNAPSHOT, backup.UPLOAD, backup.BACKUP_SCHEMA, backup.MANIFEST),
    backup.RESTORE: (backup.RESTORE_SCHEMA, backup.DOWNLOAD, backup.RESTORE_PHASE),
    backup.VERIFY: (backup.VERIFY_PHASE,),
    backup.DELETE: (backup.DELETE_PHASE,),
}

PHASES: Mapping[str, tuple[str, ...]] = {**MAINTENANCE, **TRANSFERS}
"""The phases of each kind's plan, in their order; the kind is the plan's name."""

OF_ALL_ROWS = frozenset({backup.BACKUP, backup.RESTORE})
"""What has to do with all rows of the ring, so that no node may join or leave meanwhile."""

KEPT = 50
"""So many operations are remembered, the newest."""


@of_ledger
def active(world: World) -> Operation | None:
    """The operation that runs."""
    return next((one for one in world.ledger.operations.values() if one.status == RUNNING), None)


def latest(world: World, kind: str) -> Operation | None:
    """The newest operation of a kind."""
    found = [one for one in world.ledger.operations.values() if one.kind == kind]
    return max(found, key=lambda one: one.number, default=None)


def part_of(world: World, task_id: str) -> tuple[Operation, Part] | None:
    """The part whose task this is."""
    for operation in world.ledger.operations.values():
        for part in operation.parts:
            if part.task is not None and part.task.id == task_id:
                return operation, part
    return None


def phase_of(operation: Operation, part: Part) -> str:
    """The phase that a part belongs to."""
    return part.phase or PHASES[operation.kind][0]


def phase_id(world: World, operation: Operation, phase: str) -> str:
    """The id of a phase of an operation's plan."""
    return ids.derived_id(world, operation.id, "phase", *_later(operation, phase))


def step_id(world: World, operation: Operation, part: Part) -> str:
    """The id of a part's step in an operation's plan."""
    return ids.derived_id(
        world, operation.id, "step", part.name, *_later(operation, phase_of(operation, part))
    )


def _later(operation: Operation, phase: str) -> tuple[str, ...]:
    """What tells a phase from the first, which has the ids of an operation with one phase only."""
    return () if phase == PHASES[operation.kind][0] else (phase,)


def step_name(operation: Operation, part: Part) -> str:
    """What a part's step is called, and its task."""
    return f"{part.phase.lower() or operation.kind}-{part.name}"


def with_operation(decision: Decision, operation: Operation) -> Decision:
    """With this operation's record replaced."""
    ledger = decision.world.ledger
    ledger = dataclasses.replace(ledger, operations={**ledger.operations, operation.id: operation})
    return Decision(dataclasses.replace(decision.world, ledger=ledger), decision.intents)


def with_part(decision: Decision, operation: Operation, part: Part) -> Decision:
    """With one part of an operation replaced, as the operation is by now."""
    present, key = decision.world.ledger.operations[operation.id], (part.node, part.phase)
    parts = tuple(part if (other.node, other.phase) == key else other for other in present.parts)
    return with_operation(decision, dataclasses.replace(present, parts=parts))


def start(decision: Decision, order: StartOperation, now: float) -> Decision:
    """Begin an operation. Raises Refused while another runs, or where no node has data."""
    world = decision.world
    refuse_beside(world)
    nodes = chosen(world, order.nodes)
    number = next_number(world)
    operation = Operation(
        id=ids.derived_id(world, "operation", number),
        number=number,
        kind=order.kind,
        tables=order.tables,
        parts=tuple(Part(node.number) for node in nodes),
        started_at=now,
        repair=order.repair,
    )
    return begun(decision, operation)


def next_number(world: World) -> int:
    """The number of the next operation."""
    return max((one.number for one in world.ledger.operations.values()), default=0) + 1


def begun(decision: Decision, operation: Operation) -> Decision:
    """With a new operation, and without the oldest where there are too many."""
    return _forget_oldest(with_operation(decision, operation))


def chosen(world: World, numbers: tuple[int, ...] | None) -> list[Node]:
    """The wanted nodes, or all that have data, by number. Raises Refused."""
    if numbers is None:
        found = [node for node in world.ledger.members() if node.bootstrapped and not node.left]
    else:
        found = [node for node in world.ledger.members() if node.number in numbers]
    empty = [node.name for node in found if not node.bootstrapped]
    if empty:
        raise Refused(f"{', '.join(empty)} has never been NORMAL; GET /v1/plan says what it waits for")
    if not found:
        raise Refused("no node has ever been NORMAL; GET /v1/plan says what they wait for")
    return found


def require_whole(world: World, kind: str, numbers: set[int]) -> None:
    """Raise Refused where these nodes, by number, are not the whole ring, which it has to be for the kind."""
    if kind not in OF_ALL_ROWS:
        return
    leaving = [node.name for node in world.ledger.members() if node.departing]
    if leaving:
        raise Refused(f"{', '.join(leaving)} leaves the ring first; GET /v1/plan says how far that is")
    missing = [node.name for node in world.ledger.staying() if not node.bootstrapped]
    if missing:
        raise Refused(f"{', '.join(missing)} must have been NORMAL first; GET /v1/plan says what is missing")
    if {node.number for node in chosen(world, None)} != numbers:
        raise Refused(
            f"the nodes are others than those that the {kind} began with; "
            f"PUT /v1/{kind}/start begins a new one"
        )


def refuse_beside(world: World) -> None:
    """Raise Refused while an operation runs."""
    running = active(world)
    if running is not None:
        since = datetime.fromtimestamp(running.started_at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Refused(
            f"{running.kind} has been running since {since} and is {100 * running.fraction:.0f} % done; "
            f"one operation runs at a time, and PUT /v1/{running.kind}/stop ends it"
        )


def _forget_oldest(decision: Decision) -> Decision:
    ledger = decision.world.ledger
    numbers = sorted(one.number for one in ledger.operations.values())[-KEPT:]
    kept = {name: one for name, one in ledger.operations.items() if one.number in numbers}
    world = dataclasses.replace(decision.world, ledger=dataclasses.replace(ledger, operations=kept))
    return Decision(world, decision.intents)


def stop(decision: Decision, kind: str) -> Decision:
    """Order the end of an operation. Raises Refused where none of the kind runs, or it cannot go back."""
    operation = active(decision.world)
    if operation is None or operation.kind != kind:
        raise Refused(f"no {kind} is running; GET /v1/{kind}/status has the last one")
    require_way_back(operation)
    return with_operation(decision, dataclasses.replace(operation, stopping=True))


def require_way_back(operation: Operation | None) -> None:
    """Raise Refused for a restore that is past its point of no return, and not at its end."""
    past = operation is not None and operation.transfer is not None and operation.transfer.committed
    if operation is not None and past and operation.ended_at is None:
        raise Refused(
            "the restore is past the point from which it only goes forward: the nodes start on the restored "
            "data; GET /v1/restore/status says how far they are"
        )


def resume(decision: Decision, kind: str) -> Decision:
    """An operation that has failed, or was stopped, goes on where it was. Others do anyway."""
    operation = latest(decision.world, kind)
    if operation is None or operation.ended_at is None or operation.present is None:
        return decision
    return _reopened(decision, operation, operation.parts)


def force(decision: Decision, kind: str, keys: Iterable[str]) -> Decision:
    """Take parts, by their steps' names, as done. One that runs is ended first, by the stop that its task
    then gets. Raises Refused where later phases stand on what the parts do.
    """
    operation, named = _named(decision.world, kind, keys)
    if operation.transfer is not None:
        raise Refused(
            f"a step of the plan {kind} cannot be taken as complete: what comes after it stands on it; "
            f"PUT /v1/{kind}/stop ends the whole"
        )
    parts = tuple(
        dataclasses.replace(part, done=True, forced=True)
        if step_name(operation, part) in named and not part.done
        else part
        for part in operation.parts
    )
    if operation.ended_at is not None and any(not part.done for part in parts):
        return _reopened(decision, operation, parts)
    ended_at, failed = operation.ended_at, "" if all(part.done for part in parts) else operation.failed
    return with_operation(
        decision, dataclasses.replace(operation, parts=parts, ended_at=ended_at, failed=failed)
    )


def restart(decision: Decision, kind: str, keys: Iterable[str]) -> Decision:
    """Do parts, by their steps' names, again: from the beginning those that were done, where it was one that
    failed. Raises Refused where a part that was done cannot be done by itself.
    """
    operation, named = _named(decision.world, kind, keys)
    again = [part for part in operation.parts if step_name(operation, part) in named]
    if operation.transfer is not None and any(part.done for part in again):
        raise Refused(
            f"a step of the plan {kind} that is done is not done again; PUT /v1/{kind}/start does all"
        )
    parts = tuple(_again(part) if part in again else part for part in operation.parts)
    return _reopened(decision, operation, parts)


def _named(world: World, kind: str, keys: Iterable[str]) -> tuple[Operation, set[str]]:
    operation = latest(world, kind)
    if operation is None:
        raise UnknownName(f"there has been no {kind}; PUT /v1/{kind}/start begins one")
    return operation, set(keys)


def _again(part: Part) -> Part:
    if part.alive:
        return part
    fresh = dataclasses.replace(part, failures=0, not_before=0.0, forced=False)
    if not part.done:
        return fresh
    return from_the_beginning(fresh)


def from_the_beginning(part: Part) -> Part:
    """A part that is to be done again, as if it never had been."""
    return dataclasses.replace(
        part,
        round=part.round + 1,
        done=False,
        progress=None,
        message="",
        started_at=None,
        ended_at=None,
        outcome=None,
    )


def _reopened(decision: Decision, operation: Operation, parts: tuple[Part, ...]) -> Decision:
    """Go on. Where an end has left nothing behind, as of a backup without its snapshots, that is anew."""
    transfer = operation.transfer
    if operation.ended_at is not None:
        refuse_beside(decision.world)
        if transfer is not None:
            require_whole(decision.world, operation.kind, {part.node for part in parts})
            parts = tuple(from_the_beginning(part) for part in parts)
            transfer = dataclasses.replace(transfer, tidied=())
    parts = tuple(dataclasses.replace(part, failures=0, not_before=0.0) for part in parts)
    reopened = dataclasses.replace(
        operation, parts=parts, ended_at=None, stopping=False, failed="", transfer=transfer
    )
    return with_operation(decision, reopened)
