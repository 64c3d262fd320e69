"""What the other replicas read for a repair that was stopped: they would go on to the end of it.

Cassandra ends sessions of a repair on the node that leads it; the others have to be told one by one.
"""

from __future__ import annotations

from protocol.maintenance import REPAIR, EndValidations
from protocol.message import VALIDATIONS
from scheduler.decide import saying
from scheduler.decide.decision import Decision
from scheduler.model.node import Node, Task
from scheduler.model.operation import Operation
from scheduler.model.world import World

PATIENCE = 3
"""So often a node is told before the operation ends without its answer."""


def end(decision: Decision, operation: Operation, now: float) -> Decision:
    """Tell all nodes that are up, once the task that led the repair has ended."""
    said = EndValidations(dict(operation.tables))
    for node, server in _owing(decision.world, operation):
        key = _key(operation, server)
        decision = saying.say(decision, node.name, server, key, VALIDATIONS, said, now)
    return decision


def are_pending(world: World, operation: Operation) -> bool:
    """Whether a node has still to be told before a stopped operation counts as ended."""
    told = world.session.told
    waited_for = [told.get(_key(operation, server)) for _, server in _owing(world, operation)]
    return any(one is None or not (one.answered or one.attempts >= PATIENCE) for one in waited_for)


def _owing(world: World, operation: Operation) -> list[tuple[Node, Task]]:
    """The nodes that are up, where a repair was told to stop and its task has ended, if there was one."""
    if operation.kind != REPAIR or not operation.stopping or operation.ended_at is not None:
        return []
    present = operation.present
    if present is None or present.task is None or present.alive:
        return []
    return [(node, node.task) for node in world.ledger.members() if node.normal and node.task is not None]


def _key(operation: Operation, server: Task) -> str:
    """Another one for each stop: an operation may go on after one, with a new task."""
    launches = sum(part.launches for part in operation.parts)
    return f"validations/{operation.id}/{launches}/{server.id}"
