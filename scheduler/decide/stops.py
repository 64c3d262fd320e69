"""Taking running nodes down: for an operator's restart, or for a new configuration, one at a time."""

from __future__ import annotations

import dataclasses

from scheduler.decide import owner, resizing
from scheduler.decide.decision import Decision
from scheduler.decide.launch import GRACE_SECONDS
from scheduler.model.intent import Kill
from scheduler.model.node import Node
from scheduler.model.world import World

REPEAT_SECONDS = 30.0
"""A kill that did not end its task yet is sent again after so long: it may have been lost."""


def stop(decision: Decision, now: float) -> Decision:
    """Kill the tasks that have to end now, and remind of kills under way."""
    for node in decision.world.ledger.members():
        if node.task is None or not node.alive:
            continue
        if node.task.killing_since is not None:
            decision = _remind(decision, node, now)
        elif _to_be_stopped(decision.world, node) and wait(decision.world, node) is None:
            task = dataclasses.replace(node.task, killing_since=now)
            decision = _kill(decision.with_node(dataclasses.replace(node, task=task)), node, now)
    return decision


def _to_be_stopped(world: World, node: Node) -> bool:
    if node.restart_ordered:
        return True
    return owner.is_outdated(world, node) and owner.owner(world, node) == owner.DEPLOY


def wait(world: World, node: Node) -> owner.Wait | None:
    """What keeps a node from being taken down; None when nothing does."""
    return permission(world, node) or (None if node.restart_ordered else resizing.wait(world, node))


def permission(world: World, node: Node) -> owner.Wait | None:
    """What keeps a node from being taken down, were there room for what it is started with afterwards.

    One at a time, over all plans together: while another member is not NORMAL, none is taken down that is.
    """
    if not node.restart_ordered:
        outdated = owner.is_outdated(world, node) and not owner.begun(world, node)
        waiting = (owner.holding_back(world) if outdated else None) or owner.may_act(world, node)
        if waiting is not None:
            return waiting
    down = [other.name for other in others(world, node) if not other.normal]
    if node.normal and down:
        return owner.Wait(f"{', '.join(down)} must be NORMAL first: one node is taken down at a time")
    return None


def others(world: World, node: Node) -> list[Node]:
    """The other members of the ring."""
    members = world.ledger.members()
    return [m for m in members if m.number != node.number and m.has_joined and not m.left]


def _remind(decision: Decision, node: Node, now: float) -> Decision:
    sent = decision.world.session.probed.get(node.number, 0.0)
    return _kill(decision, node, now) if now - sent >= REPEAT_SECONDS else decision


def _kill(decision: Decision, node: Node, now: float) -> Decision:
    task = node.task
    if task is None:
        return decision
    probed = {**decision.world.session.probed, node.number: now}
    return decision.with_session(probed=probed).plus(Kill(task.id, task.agent_id, GRACE_SECONDS))
