"""Backup, restore, checks and deletions as operations: their parts, what tasks are told, what is left.

A task is told by a message what its data may not hold, and when to begin; it answers, and is told again until
it does. Once an operation has ended, however it did, each node is told to clear what is left of it.
"""

from __future__ import annotations

import dataclasses

from protocol import backup
from protocol.backup import BACKUP, SNAPSHOT, BackupTask, Member, Tidy, Word
from protocol.message import TIDY, WORD, Message
from scheduler.decide import ids, operations, saying
from scheduler.decide.decision import Decision, Refused
from scheduler.decide.operations import with_operation
from scheduler.decide.owner import Wait
from scheduler.model.event import StartTransfer
from scheduler.model.node import Node, Task
from scheduler.model.operation import Operation, Part, Transfer
from scheduler.model.task import RUNNING
from scheduler.model.world import World

PATIENCE = 6
"""So often a node is told to tidy up before its operation ends without that; it is told on all the same."""

ON_ONE_NODE = frozenset({backup.BACKUP_SCHEMA, backup.MANIFEST, backup.DELETE_PHASE})


def start(decision: Decision, order: StartTransfer, now: float) -> Decision:
    """Begin one; or bring the one that runs its credentials, where it is the same. Raises Refused."""
    running = operations.active(decision.world)
    if running is not None and _is_same(running, order):
        return _with_keys(_with_sealed(decision, running, order.transfer.sealed), running.id, order)
    operations.refuse_beside(decision.world)
    nodes = operations.chosen(decision.world, None)
    operations.require_whole(decision.world, order.kind, {node.number for node in nodes})
    number = operations.next_number(decision.world)
    operation = Operation(
        id=ids.derived_id(decision.world, "operation", number),
        number=number,
        kind=order.kind,
        tables={},
        parts=_parts(order.kind, nodes),
        started_at=now,
        transfer=order.transfer,
    )
    return _with_keys(operations.begun(decision, operation), operation.id, order)


def _is_same(running: Operation, order: StartTransfer) -> bool:
    transfer = running.transfer
    if transfer is None or running.kind != order.kind:
        return False
    return (transfer.name, transfer.place, transfer.names) == (
        order.transfer.name,
        order.transfer.place,
        order.transfer.names,
    )


def _parts(kind: str, nodes: list[Node]) -> tuple[Part, ...]:
    first = [next((node for node in nodes if node.normal), nodes[0])]
    return tuple(
        Part(node.number, phase)
        for phase in operations.PHASES[kind]
        for node in (first if phase in ON_ONE_NODE else nodes)
    )


def _with_keys(decision: Decision, ident: str, order: StartTransfer) -> Decision:
    if order.keys is None:
        return decision
    world = dataclasses.replace(decision.world, keys={**decision.world.keys, ident: order.keys})
    return Decision(world, decision.intents)


def _with_sealed(decision: Decision, operation: Operation, sealed: str) -> Decision:
    if operation.transfer is None or not sealed:
        return decision
    transfer = dataclasses.replace(operation.transfer, sealed=sealed)
    return with_operation(decision, dataclasses.replace(operation, transfer=transfer))


def limit(decision: Decision, kind: str, bytes_per_second: float | None) -> Decision:
    """Change what a running operation may move. Raises Refused where none of the kind runs."""
    operation = operations.active(decision.world)
    if operation is None or operation.kind != kind or operation.transfer is None:
        raise Refused(f"no {kind} is running; GET /v1/{kind}/status has the last one")
    transfer = dataclasses.replace(operation.transfer, bytes_per_second=bytes_per_second)
    return with_operation(decision, dataclasses.replace(operation, transfer=transfer))


def hindrance(world: World, operation: Operation, part: Part) -> Wait | None:
    """What keeps a part from being launched, beside what keeps maintenance."""
    transfer = operation.transfer
    if transfer is None:
        return None
    if operation.is_new and part.phase == backup.RESTORE_PHASE:
        return Wait(f"{part.name} to start on the restored data; the plan deploy says more")
    if not transfer.own_credentials and operation.id not in world.keys:
        return Wait(
            "the S3 credentials: they were not stored, for there is no SECRETS_KEY_FILE, and this leader has "
            f"not been told them; the same PUT /v1/{operation.kind}/start again brings them"
        )
    return None


def task(world: World, operation: Operation, transfer: Transfer, part: Part, disk_mb: float) -> BackupTask:
    """What a part's task is to do, on a volume of that size."""
    sources = {p.node: p.outcome for p in operation.of_phase(backup.RESTORE_SCHEMA)}
    source = sources.get(part.node) or {}
    schema = next((p.outcome for p in operation.of_phase(backup.BACKUP_SCHEMA)), None)
    return BackupTask(
        node=part.name,
        operation=operation.id,
        kind=operation.kind,
        phase=operations.phase_of(operation, part),
        name=transfer.name,
        place=transfer.place,
        disk_mb=disk_mb,
        own_credentials=transfer.own_credentials,
        cluster=world.ledger.target.node.cassandra.cluster_name,
        members=_members(world, operation),
        restore_type=transfer.restore_type,
        source=str(source.get("source", "")),
        loaded=tuple(str(name) for name in source.get("loaded", ())),
        summaries=_summaries(operation) if part.phase == backup.MANIFEST else (),
        schema=schema if part.phase == backup.MANIFEST else None,
        keyspaces=transfer.keyspaces,
        tables=transfer.tables,
        names=transfer.names,
        force=transfer.force,
        keep_last=transfer.keep_last,
        keep_days=transfer.keep_days,
    )


def _members(world: World, operation: Operation) -> tuple[Member, ...]:
    numbers = dict.fromkeys(part.node for part in operation.parts)
    nodes = [world.ledger.nodes[number] for number in numbers if number in world.ledger.nodes]
    return tuple(member(world, node) for node in nodes)


def member(world: World, node: Node) -> Member:
    """A node, and where it stands."""
    cassandra = world.ledger.target.node.cassandra
    return Member(node.name, cassandra.data_center, node.rack or cassandra.rack)


def _summaries(operation: Operation) -> tuple[object, ...]:
    return tuple(p.outcome for p in operation.of_phase(backup.UPLOAD) if p.outcome is not None)


# What running tasks are told.


def tell(decision: Decision, operation: Operation, now: float) -> Decision:
    """Tell each running task what it waits for, and whatever of that has changed since."""
    if operation.transfer is None:
        return decision
    for part in operation.parts:
        work, node = part.task, decision.world.ledger.nodes.get(part.node)
        if work is None or node is None or node.task is None:
            continue
        if work.state == RUNNING and work.kill_grace is None:
            word = _word(decision.world, operation, operation.transfer, work.id, part)
            decision = saying.say(decision, node.name, node.task, work.id, WORD, word, now)
    return decision


def _word(world: World, operation: Operation, transfer: Transfer, task_id: str, part: Part) -> Word:
    at_work = [p for p in operation.of_phase(part.phase) if p.alive]
    limit = transfer.bytes_per_second
    return Word(
        task=task_id,
        go=part.phase != SNAPSHOT or all(_is_ready(p) for p in operation.of_phase(SNAPSHOT)),
        keys=world.keys.get(operation.id),
        login=world.login,
        bytes_per_second=limit / max(1, len(at_work)) if limit else None,
    )


def _is_ready(part: Part) -> bool:
    return part.done or (part.task is not None and part.task.state == RUNNING)


# What is left once it has ended.


def tidy(decision: Decision, now: float) -> Decision:
    """Tell each node that is up to clear what is left of operations that have ended."""
    active = operations.active(decision.world)
    keep = active.id if active is not None and not active.closing else ""
    for operation in decision.world.ledger.operations.values():
        for node in _owing(decision.world, operation):
            if node.task is not None and node.running:
                said = _tidy(decision.world, operation, keep)
                key = _tidy_key(operation, node.task)
                decision = saying.say(decision, node.name, node.task, key, TIDY, said, now)
    return _without_old_keys(decision)


def _tidy(world: World, operation: Operation, keep: str) -> Tidy:
    transfer = operation.transfer
    ending = operation.ended_at is None and operation.present is not None
    if transfer is None or operation.kind != BACKUP or not ending:
        return Tidy(keep)
    keys = world.keys.get(operation.id)
    return Tidy(keep, transfer.name, operation.id, transfer.place, keys, transfer.own_credentials)


def _tidy_key(operation: Operation, server: Task) -> str:
    """One for each time that an operation ends: what is done anew leaves something behind anew."""
    return f"tidy/{operation.id}/{sum(part.round for part in operation.parts)}/{server.id}"


def _owing(world: World, operation: Operation) -> list[Node]:
    """The nodes on which something may be left of an operation that goes on no more."""
    transfer = operation.transfer
    if transfer is None or operation.kind not in operations.OF_ALL_ROWS or not operation.closing:
        return []
    if any(part.alive for part in operation.parts):
        return []
    numbers = {part.node for part in operation.parts} - set(transfer.tidied)
    nodes = (world.ledger.nodes.get(number) for number in sorted(numbers))
    return [node for node in nodes if node is not None and not node.left]


def is_untidy(world: World, operation: Operation) -> bool:
    """Whether an operation must be told on to nodes that are up before it counts as ended."""

    def patient(node: Node) -> bool:
        key = _tidy_key(operation, node.task) if node.task is not None else ""
        told = world.session.told.get(key)
        return told is None or told.attempts < PATIENCE

    return any(node.normal and patient(node) for node in _owing(world, operation))


def tidied(world: World, message: Message) -> World:
    """Note that nothing is left on a node."""
    found = saying.heard(world, message)
    if found is None:
        return world
    key, world = found
    operation = world.ledger.operations.get(key.split("/")[1])
    node = world.ledger.named(message.node)
    if operation is None or operation.transfer is None or node is None:
        return world
    done = tuple(sorted({*operation.transfer.tidied, node.number}))
    changed = dataclasses.replace(operation, transfer=dataclasses.replace(operation.transfer, tidied=done))
    return with_operation(Decision(world), changed).world


def _without_old_keys(decision: Decision) -> Decision:
    """Forget credentials as soon as nothing needs them."""
    world = decision.world
    needed = {one.id for one in world.ledger.operations.values() if one.ended_at is None}
    if world.keys.keys() <= needed:
        return decision
    keys = {ident: one for ident, one in world.keys.items() if ident in needed}
    return Decision(dataclasses.replace(world, keys=keys), decision.intents)


def unsealed(operation: Operation) -> Operation:
    """The record of an operation that has ended, for which nobody needs what was sealed."""
    transfer = operation.transfer
    if transfer is None or not transfer.sealed:
        return operation
    return dataclasses.replace(operation, transfer=dataclasses.replace(transfer, sealed=""))
