"""The life of a node's task: what a status update makes of the node's record.

Updates come twice, late and out of order, so each state has a rank and a lower one changes nothing; a
state that says the task has ended is final.
"""

from __future__ import annotations

import dataclasses
import functools

from protocol.codec import DecodeError
from protocol.report import NodeStatus, Report, decode_report
from scheduler.model.node import LastFailure, Node, Task
from scheduler.model.task import (
    GONE_BY_OPERATOR,
    KILLED,
    KILLING,
    RECONCILIATION,
    RUNNING,
    STAGING,
    STARTING,
    TERMINAL,
    UNKNOWN,
    UNREACHABLE,
    TaskUpdate,
)

RANK = {STAGING: 0, STARTING: 1, RUNNING: 2, KILLING: 3}
"""How far a live task has come."""

FIRST_DELAY_SECONDS = 5.0
LAST_DELAY_SECONDS = 300.0

STEADY_SECONDS = 300.0
"""A node that ran so long since its launch has recovered: its next failure is a first one."""


def apply_update(node: Node, update: TaskUpdate, now: float) -> Node:
    """The node's record after an update of its present task."""
    task = node.task
    if task is None or task.id != update.task_id or task.state in TERMINAL:
        return node
    node = _with_report(node, task, _report(update), now)
    task = node.task or task
    if update.state in TERMINAL or update.state == UNKNOWN:
        return _ended(node, task, update, now)
    if says_more(task.state, update):
        further = _advanced(task, update, now)
        return node if further == task else dataclasses.replace(node, task=further)
    return node


def says_more(known: str, update: TaskUpdate) -> bool:
    """Whether an update of a live task goes beyond the state that is known.

    Where the task is out of sight that is the master's word alone: the agent's may be an old one, come late.
    """
    if known in (UNREACHABLE, UNKNOWN):
        return update.uuid is None
    return update.state == UNREACHABLE or RANK.get(update.state, -1) >= RANK.get(known, -1)


def _report(update: TaskUpdate) -> Report:
    try:
        return _decoded(update.data)
    except DecodeError:
        # An executor of a foreign version: its state counts, what it adds cannot be read.
        return Report()


@functools.lru_cache(maxsize=2048)
def _decoded(data: bytes) -> Report:
    """Each reconciliation brings the last report of every task again."""
    return decode_report(data)


def _with_report(node: Node, task: Task, report: Report, now: float) -> Node:
    status = report.status
    if status is None or status == node.status:
        return node
    if node.status is not None and status.as_of < node.status.as_of:
        return node
    silent_since = _silent_since(node, task, status, now)
    if silent_since != task.silent_since:
        task = dataclasses.replace(task, silent_since=silent_since)
    node = dataclasses.replace(node, status=status, task=task)
    if status.mode != "NORMAL" or not status.joined:
        return node
    address = node.placement.address if node.placement else None
    return dataclasses.replace(node, bootstrapped=True, ring_address=address)


def _silent_since(node: Node, task: Task, status: NodeStatus, now: float) -> float | None:
    """By our clock, on which it is compared: those of the agents may differ from it."""
    if status.mode != "UNKNOWN":
        return None
    was_normal = node.status is not None and node.status.mode == "NORMAL"
    return now if was_normal else task.silent_since


def _advanced(task: Task, update: TaskUpdate, now: float) -> Task:
    if update.state == task.state and update.reason == RECONCILIATION:
        # The master repeats the state, with words of its own: those of the executor say more.
        return dataclasses.replace(task, agent_id=update.agent_id or task.agent_id)
    return dataclasses.replace(
        task,
        state=update.state,
        since=task.since if task.state == update.state else now,
        started=task.started or update.state in (STARTING, RUNNING, KILLING),
        reason=update.reason,
        message=update.message,
        agent_id=update.agent_id or task.agent_id,
    )


def _ended(node: Node, task: Task, update: TaskUpdate, now: float) -> Node:
    if task.state == UNKNOWN and update.state == UNKNOWN:
        return node
    ended = dataclasses.replace(
        task, state=update.state, since=now, reason=update.reason, message=update.message
    )
    # A restart that was begun by our kill goes on to its launch; one that was not has become needless.
    ordered = node.restart_ordered and task.killing_since is not None
    node = dataclasses.replace(node, task=ended, restart_ordered=ordered)
    if update.state == KILLED:
        # By our order or by the agent's, which shuts down: it was drained, and nothing has failed.
        return dataclasses.replace(node, failures=0, not_before=0.0)
    return _failed(node, update, task, now)


def _failed(node: Node, update: TaskUpdate, before: Task, now: float) -> Node:
    steady = before.state in (RUNNING, UNREACHABLE) and now - before.launched_at > STEADY_SECONDS
    failures = 1 if steady else node.failures + 1
    return dataclasses.replace(
        node,
        failures=failures,
        not_before=now + delay(failures),
        last_failure=_last_failure(update, now),
    )


def _last_failure(update: TaskUpdate, now: float) -> LastFailure:
    failure = _report(update).failure
    return LastFailure(
        at=now,
        state=update.state,
        reason=update.reason or "",
        message=update.message or (failure.reason if failure else ""),
        log_tail=failure.log_tail if failure else "",
    )


def delay(failures: int) -> float:
    """Seconds to wait before the next start: none after the first failure, then doubling."""
    if failures <= 1:
        return 0.0
    return float(min(FIRST_DELAY_SECONDS * 2 ** (failures - 2), LAST_DELAY_SECONDS))


def given_up(node: Node) -> bool:
    """Whether an operator has declared the node's agent gone for good: only a replacement helps."""
    return node.task is not None and node.task.state == GONE_BY_OPERATOR
