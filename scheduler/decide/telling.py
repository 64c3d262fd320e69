"""What the event log tells of a decision: the order that was given, and what differs between the records."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from protocol.backup import DELETE, RESTORE, VERIFY
from scheduler.decide import eventlog
from scheduler.decide.decision import Decision
from scheduler.model.event import (
    Command,
    Event,
    ForceComplete,
    Interrupt,
    LimitTransfer,
    Ordered,
    Proceed,
    ReplaceNode,
    RestartNode,
    RestartStep,
    StartOperation,
    StartTransfer,
    StopOperation,
    Subscribed,
)
from scheduler.model.eventlog import Entry
from scheduler.model.node import Node, Stage
from scheduler.model.operation import FAILED, RUNNING, Operation, Transfer
from scheduler.model.task import TERMINAL, UNREACHABLE
from scheduler.model.world import Ledger, World

STAGES = {
    Stage.LEAVING: "leaves the ring",
    Stage.LEFT: "has left the ring",
    Stage.KILLED: "is ended for good",
    Stage.DESTROYED: "has no volume any more",
    Stage.UNRESERVED: "is gone",
}

TITLES = {
    RESTORE: "restore of the backup",
    VERIFY: "check of the backup",
    DELETE: "deletion of the backup",
}
"""What people call operations on backups; a backup itself is one."""


def tell(decision: Decision, before: World, event: Event | None, now: float) -> Decision:
    """The decision with what it has brought about in the event log. ``event``: None for what only follows."""
    found = [*_asked_for(event)]
    if decision.world.ledger is not before.ledger:
        found += [*changes(before.ledger, decision.world.ledger)]
    if not found:
        return decision
    ledger = eventlog.append(decision.world.ledger, [dataclasses.replace(one, at=now) for one in found])
    return Decision(dataclasses.replace(decision.world, ledger=ledger), decision.intents)


def refused(world: World, order: Ordered, reason: str, now: float) -> World:
    """The world with an order in its log that was not carried out."""
    entry = Entry(
        0, now, "order", subject(order.command), f"refused: {sentence(order.command)}", reason,
        order.who, order.origin,
    )  # fmt: skip
    return dataclasses.replace(world, ledger=eventlog.append(world.ledger, [entry]))


def sentence(command: Command) -> str:
    """What was ordered. Only what is named here of an order is told: others may hold secrets."""
    match command:
        case Interrupt(plan) | Proceed(plan):
            return f"{_words(command)} the plan {plan}"
        case ForceComplete(plan, phase, step):
            return f"take {_steps(phase, step)} of the plan {plan} as complete"
        case RestartStep(plan, phase, step):
            return f"restart {_steps(phase, step)} of the plan {plan}"
        case RestartNode(node):
            return f"restart {node}"
        case ReplaceNode(node, force):
            return f"replace {node}" + (", though it may be up" if force else "")
        case StartOperation(kind) | StopOperation(kind):
            return f"{_words(command).partition(' ')[0]} {kind}"
        case StartTransfer(kind, transfer):
            return f"start {_title(kind, transfer)}"
        case LimitTransfer(kind, bytes_per_second):
            limit = (
                "as much as it can" if bytes_per_second is None else f"{bytes_per_second / 1e6:g} MB a second"
            )
            return f"let {kind} move {limit}"
    return _words(command)


def subject(command: Command) -> str:
    """The plan, node or kind of operation that an order is about; nothing where it names none."""
    for name in ("node", "kind", "plan"):
        if isinstance(value := getattr(command, name, None), str):
            return value
    return ""


def changes(before: Ledger, after: Ledger) -> Iterator[Entry]:
    """What has become of nodes, operations and the configuration."""
    if after.target.config_id != before.target.config_id:
        yield _entry("service", "configuration", f"the nodes' configuration is {after.target.config_id} now")
    if after.target.nodes != before.target.nodes:
        yield _entry("service", "configuration", f"{after.target.nodes} nodes are wanted now")
    if after.controls.uninstall is not before.controls.uninstall and after.controls.uninstall is not None:
        yield _entry("service", "uninstall", f"uninstalling: {after.controls.uninstall.value}")
    for number, node in after.nodes.items():
        if (was := before.nodes.get(number)) is not node:
            yield from _node(was or Node(number), node)
    for ident, operation in after.operations.items():
        if (old := before.operations.get(ident)) is not operation:
            yield from _operation(old, operation)


def _entry(kind: str, about: str, what: str, why: str = "") -> Entry:
    return Entry(0, 0.0, kind, about, what, why)


def _asked_for(event: Event | None) -> Iterator[Entry]:
    """An order, or a registration."""
    if isinstance(event, Ordered):
        entry = _entry("order", subject(event.command), sentence(event.command))
        yield dataclasses.replace(entry, who=event.who, origin=event.origin)
    elif isinstance(event, Subscribed):
        yield _entry("service", "mesos", f"registered with the Mesos master at {event.master}")


def _node(before: Node, after: Node) -> Iterator[Entry]:
    told = [*_task(before, after), *_membership(before, after), *_place(before, after)]
    for what, why in told:
        yield _entry("node", after.name, f"{after.name} {what}", why)


def _task(before: Node, after: Node) -> Iterator[tuple[str, str]]:
    was, task = before.task, after.task
    if task is None or task is was:
        return
    if was is None or was.id != task.id:
        yield f"is started on {after.placement.hostname if after.placement else task.agent_id}", ""
    elif was.state != task.state and task.state in TERMINAL:
        reason = ": ".join(text for text in (task.reason, task.message) if text)
        yield f"has ended: {task.state}", "as ordered" if was.killing_since is not None else reason
    elif was.state != task.state and task.state == UNREACHABLE:
        yield "cannot be reached: its agent does not answer Mesos", ""
    elif was.state == UNREACHABLE != task.state:
        yield f"is reached again: {task.state}", ""


def _membership(before: Node, after: Node) -> Iterator[tuple[str, str]]:
    mode = after.status.mode if after.status else "UNKNOWN"
    if after.normal and not before.normal:
        yield "is NORMAL", ""
    elif before.normal and after.running and not after.normal:
        yield f"is {mode}, no longer NORMAL", ""
    if after.departure is not None:
        stage = before.departure.stage if before.departure else None
        if stage is not after.departure.stage:
            yield STAGES[after.departure.stage], after.departure.message


def _place(before: Node, after: Node) -> Iterator[tuple[str, str]]:
    if after.replacement is not None and before.replacement != after.replacement:
        yield f"is to be replaced: its place on {after.replacement.hostname} is given up", ""
    elif before.replacement is not None and after.replacement is None and after.departure is None:
        if before.giving_up:
            yield "stays where it is", "a node that is down is replaced first; order it again after that"
        else:
            yield "is replaced", ""


def _operation(before: Operation | None, after: Operation) -> Iterator[Entry]:
    title = _title(after.kind, after.transfer)
    if before is None:
        nodes = ", ".join(dict.fromkeys(part.name for part in after.parts))
        yield _entry("operation", after.kind, f"{title} has begun", f"on {nodes}")
    elif before.status != after.status and after.status == RUNNING:
        yield _entry("operation", after.kind, f"{title} goes on")
    elif _is_committed(after) and not _is_committed(before):
        yield _entry("operation", after.kind, f"{title} has passed the point of no return")
    elif before.status != after.status:
        why = after.failed if after.status == FAILED else ""
        yield _entry("operation", after.kind, f"{title} is {after.status}", why)


def _title(kind: str, transfer: Transfer | None) -> str:
    """What people call an operation, and the backup that it is of."""
    return kind if transfer is None else f"{TITLES.get(kind, kind)} {transfer.name}"


def _is_committed(operation: Operation) -> bool:
    return operation.transfer is not None and operation.transfer.committed


def _steps(phase: str, step: str | None) -> str:
    return f"the step {step} of the phase {phase}" if step else f"the phase {phase}"


def _words(command: Command) -> str:
    """The name of the order in words: StopOperation is stop operation."""
    return " ".join(re.findall("[A-Z][a-z]*", type(command).__name__)).lower()
