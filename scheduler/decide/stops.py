"""Taking running nodes down: for an operator's restart, or for a new configuration, one at a time."""

from __future__ import annotations

import dataclasses

from scheduler.decide import owner, readiness, reminders, resizing
from scheduler.decide.decision import Decision
from scheduler.decide.launch import GRACE_SECONDS
from scheduler.decide.memory import of_ledger
from scheduler.decide.reconcile import is_reconciled
from scheduler.model.intent import Kill
from scheduler.model.node import Node, Task
from scheduler.model.world import World


def stop(decision: Decision, now: float) -> Decision:
    """Kill the tasks that have to end now, and remind of kills under way."""
    for node, task in _to_be_ended(decision.world):
        if task.killing_since is not None:
            decision = _remind(decision, node, task, now)
        elif _may_be_stopped(decision.world, node, now):
            decision = _kill(decision.with_node(_stopping(decision.world, node, task, now)), task, now)
    return decision


@of_ledger
def _to_be_ended(world: World) -> list[tuple[Node, Task]]:
    """The nodes whose task has to end, now or as soon as that may be, or that ends already."""
    alive = [(node, node.task) for node in world.ledger.members() if node.task is not None and node.alive]
    return [(n, task) for n, task in alive if task.killing_since is not None or _to_be_stopped(world, n)]


def _stopping(world: World, node: Node, task: Task, now: float) -> Node:
    """The node's record once its task is killed. With that, the deploy plan has begun on it."""
    node = dataclasses.replace(node, task=dataclasses.replace(task, killing_since=now))
    if owner.owner(world, node) == owner.RECOVERY or owner.begun(world, node):
        return node
    return dataclasses.replace(node, begun=world.ledger.target.config_id, begun_at=now)


def _may_be_stopped(world: World, node: Node, now: float) -> bool:
    if node.left or _makes_way(node):  # it is no member any more, or the whole ring ends: nobody misses it
        return is_reconciled(world, node) and not node.unreachable
    return wait(world, node, now) is None


def _makes_way(node: Node) -> bool:
    """Whether it ends with all others, for the restored data to take the place of its own."""
    return node.restoration is not None and not node.restoration.begun


def _to_be_stopped(world: World, node: Node) -> bool:
    if _ordered(node) or node.left or _makes_way(node):
        return True
    return owner.is_outdated(world, node) and owner.owner(world, node) == owner.DEPLOY


def _ordered(node: Node) -> bool:
    return node.restart_ordered or node.giving_up


def wait(world: World, node: Node, now: float) -> owner.Wait | None:
    """What keeps a node from being taken down; None when nothing does."""
    return permission(world, node, now) or (None if _ordered(node) else resizing.wait(world, node))


def permission(world: World, node: Node, now: float) -> owner.Wait | None:
    """What keeps a node from being taken down, were there room for what it is started with afterwards.

    One at a time, over all plans together: while another member is not ready, none is taken down that is,
    or that may serve although it answers no more.
    """
    if node.task is not None and node.unreachable:
        return owner.Wait(f"agent {node.task.agent_id} to come back: Mesos cannot reach it")
    waiting = _roll_out_waits(world, node) or owner.may_act(world, node)
    if waiting is not None:
        return waiting
    return _others_wait(world, node, now) if node.normal else _silent_waits(world, node, now)


def _silent_waits(world: World, node: Node, now: float) -> owner.Wait | None:
    """What a member waits for that answers no more, for as long as it may serve."""
    since = readiness.silent_since(node, now)
    waiting = _others_wait(world, node, now) if since is not None else None
    if since is None or waiting is None:
        return None
    limit = readiness.SILENCE_SECONDS
    reason = f"{node.name} answers no more but may serve, until that has lasted {limit:.0f} s"
    until = min(since + limit, waiting.deadline or since + limit)
    return owner.Wait(f"{waiting.reason}; {reason}", until, since=since)


def _others_wait(world: World, node: Node, now: float) -> owner.Wait | None:
    """The other members that are down, or may be as far as is known."""
    down = [other.name for other in others(world, node) if _is_down(world, other, node, now)]
    if down:
        return owner.Wait(f"{', '.join(down)} must be ready first: one node is taken down at a time")
    unsure = [other.name for other in others(world, node) if not is_reconciled(world, other)]
    if not unsure:
        return None
    return owner.untold(
        world,
        f"Mesos has not yet told the state of {', '.join(unsure)}, whose agents may still be coming back to "
        "Mesos' master: one node is taken down at a time",
    )


def _roll_out_waits(world: World, node: Node) -> owner.Wait | None:
    """What keeps the deploy plan from beginning on a node that runs with an older configuration."""
    if _ordered(node) or not owner.is_outdated(world, node) or owner.begun(world, node):
        return None
    return owner.holding_back(world)


def others(world: World, node: Node) -> list[Node]:
    """The other members of the ring."""
    members = world.ledger.members()
    return [m for m in members if m.number != node.number and m.has_joined and not m.left]


def _is_down(world: World, other: Node, node: Node, now: float) -> bool:
    """Two that are silent at once do not wait for one another."""
    if other.task is not None and other.task.killing_since is not None:
        return True
    if not node.normal and readiness.silent_since(other, now) is not None:
        return False
    return readiness.lacking(world, other, but=node) is not None


def _remind(decision: Decision, node: Node, task: Task, now: float) -> Decision:
    due = reminders.is_due(decision.world, task.id, now) and is_reconciled(decision.world, node)
    return _kill(decision, task, now) if due else decision


def _kill(decision: Decision, task: Task, now: float) -> Decision:
    return reminders.noted(decision, task.id, now).plus(Kill(task.id, task.agent_id, GRACE_SECONDS))
