"""Operations as operators order them: begun, stopped, begun again, and looked up.

One operation runs at a time: each works in the one slot that a node has for maintenance, and two of them
would fight for the node's disk.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timezone

from scheduler.decide import ids
from scheduler.decide.decision import Decision, Refused, UnknownName
from scheduler.model.event import StartOperation
from scheduler.model.node import Node
from scheduler.model.operation import RUNNING, Operation, Part
from scheduler.model.world import World

PHASES = {"cleanup": "Cleanup", "repair": "Repair", "upgradesstables": "UpgradeSSTable"}
"""The phase of each kind's plan; the kind is the plan's name."""

KEPT = 50
"""So many operations are remembered, the newest."""


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


def phase_id(world: World, operation: Operation) -> str:
    """The id of the only phase of an operation's plan."""
    return ids.derived_id(world, operation.id, "phase")


def step_id(world: World, operation: Operation, node: str) -> str:
    """The id of a node's step in an operation's plan."""
    return ids.derived_id(world, operation.id, "step", node)


def with_operation(decision: Decision, operation: Operation) -> Decision:
    """With this operation's record replaced."""
    ledger = decision.world.ledger
    ledger = dataclasses.replace(ledger, operations={**ledger.operations, operation.id: operation})
    return Decision(dataclasses.replace(decision.world, ledger=ledger), decision.intents)


def with_part(decision: Decision, operation: Operation, part: Part) -> Decision:
    """With one part of an operation replaced."""
    parts = tuple(part if other.node == part.node else other for other in operation.parts)
    return with_operation(decision, dataclasses.replace(operation, parts=parts))


def start(decision: Decision, order: StartOperation, now: float) -> Decision:
    """Begin an operation. Raises Refused while another runs, or where no node has data."""
    world = decision.world
    _refuse_beside(world)
    nodes = _chosen(world, order.nodes)
    number = max((one.number for one in world.ledger.operations.values()), default=0) + 1
    operation = Operation(
        id=ids.derived_id(world, "operation", number),
        number=number,
        kind=order.kind,
        tables=order.tables,
        parts=tuple(Part(node.number) for node in nodes),
        started_at=now,
        repair=order.repair,
    )
    return _forget_oldest(with_operation(decision, operation))


def _chosen(world: World, numbers: tuple[int, ...] | None) -> list[Node]:
    """The wanted nodes, or all that have data, by number."""
    if numbers is None:
        chosen = [node for node in world.ledger.members() if node.bootstrapped]
    else:
        chosen = [node for node in world.ledger.members() if node.number in numbers]
    empty = [node.name for node in chosen if not node.bootstrapped]
    if empty:
        raise Refused(f"{', '.join(empty)} has never been NORMAL; GET /v1/plan says what it waits for")
    if not chosen:
        raise Refused("no node has ever been NORMAL; GET /v1/plan says what they wait for")
    return chosen


def _refuse_beside(world: World) -> None:
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
    """Order the end of an operation. Raises Refused where none of the kind runs."""
    operation = active(decision.world)
    if operation is None or operation.kind != kind:
        raise Refused(f"no {kind} is running; GET /v1/{kind}/status has the last one")
    return with_operation(decision, dataclasses.replace(operation, stopping=True))


def resume(decision: Decision, kind: str) -> Decision:
    """An operation that has failed, or was stopped, goes on where it was. Others do anyway."""
    operation = latest(decision.world, kind)
    if operation is None or operation.ended_at is None or operation.present is None:
        return decision
    return _reopened(decision, operation, operation.parts)


def force(decision: Decision, kind: str, names: Iterable[str]) -> Decision:
    """Take parts as done. One that runs is ended first, by the stop that its task then gets."""
    operation, named = _named(decision.world, kind, names)
    parts = tuple(
        dataclasses.replace(part, done=True, forced=True) if part.name in named and not part.done else part
        for part in operation.parts
    )
    if operation.ended_at is not None and any(not part.done for part in parts):
        return _reopened(decision, operation, parts)
    ended_at, failed = operation.ended_at, "" if all(part.done for part in parts) else operation.failed
    return with_operation(
        decision, dataclasses.replace(operation, parts=parts, ended_at=ended_at, failed=failed)
    )


def restart(decision: Decision, kind: str, names: Iterable[str]) -> Decision:
    """Do parts again: from the beginning those that were done, where it was one that failed."""
    operation, named = _named(decision.world, kind, names)
    parts = tuple(_again(part) if part.name in named else part for part in operation.parts)
    return _reopened(decision, operation, parts)


def _named(world: World, kind: str, names: Iterable[str]) -> tuple[Operation, set[str]]:
    operation = latest(world, kind)
    if operation is None:
        raise UnknownName(f"there has been no {kind}; PUT /v1/{kind}/start begins one")
    return operation, set(names)


def _again(part: Part) -> Part:
    if part.alive:
        return part
    fresh = dataclasses.replace(part, failures=0, not_before=0.0, forced=False)
    if not part.done:
        return fresh
    return dataclasses.replace(
        fresh, round=part.round + 1, done=False, progress=None, message="", started_at=None, ended_at=None
    )


def _reopened(decision: Decision, operation: Operation, parts: tuple[Part, ...]) -> Decision:
    if operation.ended_at is not None:
        _refuse_beside(decision.world)
    parts = tuple(dataclasses.replace(part, failures=0, not_before=0.0) for part in parts)
    return with_operation(
        decision, dataclasses.replace(operation, parts=parts, ended_at=None, stopping=False, failed="")
    )
