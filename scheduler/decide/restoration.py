"""Making an empty cluster that of a backup: all nodes stop, and start one by one on what was brought.

Until every node has all its data in a folder of its own, nothing has changed and the restore can be stopped.
Then a point of no return is stored: all nodes end together, whatever else holds, and the ring is founded anew
on the restored data, in the order of a first deployment. From there it only goes forward.
"""

from __future__ import annotations

import dataclasses

from protocol.backup import DOWNLOAD, RESTORE, RESTORE_PHASE, RESTORE_SCHEMA
from scheduler.decide import operations, owner
from scheduler.decide.decision import Decision
from scheduler.decide.operations import with_operation
from scheduler.decide.reconcile import is_reconciled
from scheduler.model.node import Node, Restoration
from scheduler.model.operation import Operation, Part
from scheduler.model.world import World


def advance(decision: Decision, ident: str, now: float) -> Decision:
    """Take a restore into a new cluster a stage further; leave any other operation alone."""
    operation = decision.world.ledger.operations[ident]
    if not operation.is_new or operation.transfer is None:
        return decision
    if not operation.transfer.committed:
        return _commit(decision, operation) if _may_commit(decision.world, operation) else decision
    if _all_ended(decision.world, operation):
        decision = _found_anew(decision, operation)
    return _finish(decision, operation, now)


def _may_commit(world: World, operation: Operation) -> bool:
    if operation.closing or not all(part.done for part in operation.of_phase(DOWNLOAD)):
        return False
    held = owner.interrupted(world, operation.kind) or owner.interrupted(world, owner.DEPLOY)
    found = nodes(world, operation)
    # One that runs beside them would be of the ring that is about to end.
    alone = all(node in found for node in world.ledger.members() if node.placement is not None)
    return not held and alone and all(_is_whole(world, node) for node in found)


def _is_whole(world: World, node: Node) -> bool:
    """Whether a node works, and keeps the volume that what is restored was brought to."""
    return node.normal and node.replacement is None and is_reconciled(world, node)


def nodes(world: World, operation: Operation) -> list[Node]:
    """The nodes that are restored, by number."""
    return [world.ledger.nodes[part.node] for part in operation.of_phase(RESTORE_PHASE)]


def _commit(decision: Decision, operation: Operation) -> Decision:
    """The point of no return: from here on the nodes end to start on the restored data."""
    transfer = operation.transfer
    if transfer is None:
        return decision
    tokens = {part.node: _tokens(part) for part in operation.of_phase(RESTORE_SCHEMA)}
    for node in nodes(decision.world, operation):
        restored = dataclasses.replace(
            node, restoration=Restoration(operation.id), tokens=tokens.get(node.number, ())
        )
        decision = decision.with_node(restored)
    committed = dataclasses.replace(transfer, committed=True)
    return with_operation(decision, dataclasses.replace(operation, transfer=committed))


def forgotten(decision: Decision, node: Node) -> Decision:
    """A node's volume was given up, and with it what a restore has brought there: that is done anew.

    A task that still brings it is forgotten too: that it has finished may be told only later.
    """
    operation = operations.active(decision.world)
    if operation is None or operation.kind != RESTORE:
        return decision
    parts = tuple(
        dataclasses.replace(operations.from_the_beginning(part), task=None)
        if part.node == node.number and (part.done or part.task) and part.phase != RESTORE_SCHEMA
        else part
        for part in operation.parts
    )
    return with_operation(decision, dataclasses.replace(operation, parts=parts))


def _tokens(part: Part) -> tuple[str, ...]:
    outcome = part.outcome if isinstance(part.outcome, dict) else {}
    return tuple(str(token) for token in outcome.get("tokens", ()))


def _all_ended(world: World, operation: Operation) -> bool:
    found = nodes(world, operation)
    waiting = any(node.restoration is not None and not node.restoration.begun for node in found)
    return waiting and not any(node.alive or not is_reconciled(world, node) for node in found)


def _found_anew(decision: Decision, operation: Operation) -> Decision:
    """No node has anything of the old ring to join, nor of the new one yet: the deploy plan begins anew."""
    for node in nodes(decision.world, operation):
        empty = dataclasses.replace(
            node,
            status=None,
            bootstrapped=False,
            deployed=None,
            deployed_at=None,
            begun=None,
            begun_at=None,
            restart_ordered=False,
            failures=0,
            not_before=0.0,
            replacement=None,
            ring_address=None,
            restoration=Restoration(operation.id, begun=True),
        )
        decision = decision.with_node(empty)
    ledger = decision.world.ledger
    ledger = dataclasses.replace(ledger, cluster=dataclasses.replace(ledger.cluster, founder=None))
    return Decision(dataclasses.replace(decision.world, ledger=ledger), decision.intents)


def _finish(decision: Decision, operation: Operation, now: float) -> Decision:
    """Note which nodes work on the restored data; once all do, they are nodes like any other."""
    found = nodes(decision.world, operation)
    up = {node.number for node in found if _works(decision.world, node)}
    parts = tuple(_done(part, now) if _is_up(part, up) else part for part in operation.parts)
    if parts != operation.parts:
        decision = with_operation(decision, dataclasses.replace(operation, parts=parts))
    if all(node.number in up for node in found):
        for node in found:
            decision = decision.with_node(dataclasses.replace(node, restoration=None))
    return decision


def _works(world: World, node: Node) -> bool:
    begun = node.restoration is None or node.restoration.begun
    return begun and node.bootstrapped and owner.is_deployed(world, node)


def _is_up(part: Part, up: set[int]) -> bool:
    return part.phase == RESTORE_PHASE and part.node in up and not part.done


def _done(part: Part, now: float) -> Part:
    return dataclasses.replace(part, done=True, ended_at=now, message="is NORMAL on the restored data")
