"""When a node counts as deployed: NORMAL, takes CQL, and it and every live peer see one another.

And when one that answers no more counts as down.
"""

from __future__ import annotations

import dataclasses

from scheduler.decide.decision import Decision
from scheduler.decide.memory import of_ledger
from scheduler.model.node import Node
from scheduler.model.world import World

SILENCE_SECONDS = 300.0
"""A member that has not answered for so long is down as far as anybody is concerned.

A collector's or a disk's pause that a node comes back from is shorter. One that hangs for good must not wait
for the others before it is restarted: one of them may be unable to start because of it.
"""


def silent_since(node: Node, now: float) -> float | None:
    """Since when a member answers no more that may serve all the same; None where there is no such doubt.

    It may be its management interface alone that is silent.
    """
    since = node.task.silent_since if node.task is not None and node.running else None
    return since if since is not None and now < since + SILENCE_SECONDS else None


def lacking(world: World, node: Node, but: Node | None = None) -> str | None:
    """What the node lacks to be ready, in words; None when it is. ``but`` need not be seen by it."""
    if not node.running or node.status is None:
        return "Cassandra starts"
    if node.status.mode != "NORMAL" or not node.status.joined:
        return f"Cassandra is {node.status.mode}"
    if not node.status.native_transport_running:
        return "Cassandra does not take CQL yet"
    peers = [peer for peer in _peers(world, node) if but is None or peer.number != but.number]
    unseen = [peer.name for peer in peers if not _see_each_other(node, peer)]
    return f"gossip has not settled with {', '.join(unseen)}" if unseen else None


def _peers(world: World, node: Node) -> list[Node]:
    return [peer for peer in world.ledger.members() if peer.number != node.number and peer.normal]


def _see_each_other(one: Node, other: Node) -> bool:
    return _sees(one, other) and _sees(other, one)


def _sees(one: Node, other: Node) -> bool:
    return bool(one.status and other.placement and other.placement.address in one.status.live)


def settle(decision: Decision, now: float) -> Decision:
    """Store for each node that has become ready that it has: a later failure is recovery's."""
    target = decision.world.ledger.target.config_id
    for node in _newly_ready(decision.world):
        done = dataclasses.replace(node, deployed=target, deployed_at=now, failures=0)
        decision = decision.with_node(done)
    return decision


@of_ledger
def _newly_ready(world: World) -> list[Node]:
    """The nodes that run with the target, are ready, and of which that is not stored yet."""
    target = world.ledger.target.config_id
    running = [node for node in world.ledger.staying() if node.task is not None and node.deployed != target]
    return [node for node in running if _runs_with(node, target) and lacking(world, node) is None]


def _runs_with(node: Node, config_id: str) -> bool:
    task = node.task
    return task is not None and task.config_id == config_id and task.killing_since is None
