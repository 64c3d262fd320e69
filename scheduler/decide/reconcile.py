"""Reconciliation: after each registration every live task is asked for until Mesos has answered it.

Mesos stays silent about tasks of an agent that has not come back to a new master; so the questions carry
agent ids and are repeated, and no node is touched before its own task is answered.
"""

from __future__ import annotations

import dataclasses

from scheduler.decide import reminders
from scheduler.decide.decision import Decision
from scheduler.decide.memory import of_ledger
from scheduler.model.intent import Reconcile
from scheduler.model.node import Node, Task
from scheduler.model.operation import WorkTask
from scheduler.model.task import STAGING, TERMINAL, UNKNOWN, UNREACHABLE
from scheduler.model.world import Reconciliation, World

FIRST_INTERVAL_SECONDS = 2.0
LAST_INTERVAL_SECONDS = 60.0
IMPLICIT_INTERVAL_SECONDS = 600.0

AGENT_REREGISTER_SECONDS = 600.0
"""How long a new master waits for the agents it knows (Mesos' ``--agent_reregister_timeout``)."""

UNSURE = frozenset({STAGING, UNREACHABLE, UNKNOWN})
"""A launch's ACCEPT may have been lost; that an unreachable agent was marked gone is told to nobody.

So a task that has been in such a state for a while is asked about, now and then.
"""


def begin(decision: Decision, now: float) -> Decision:
    """Start over, after a registration."""
    ledger = decision.world.ledger
    servers = [node.task for node in ledger.members() if node.task is not None]
    tasks = {task.id: task.agent_id for task in servers if task.state not in TERMINAL}
    tasks |= {task.id: task.agent_id for task in _maintenance(decision.world)}
    progress = Reconciliation(tasks, now, now + FIRST_INTERVAL_SECONDS, FIRST_INTERVAL_SECONDS)
    return _ask(_completed(decision.with_session(reconciliation=progress), now))


def answered(decision: Decision, task_id: str, now: float) -> Decision:
    """Mesos has told the state of a task."""
    progress = decision.world.session.reconciliation
    if progress is None or task_id not in progress.outstanding:
        return decision
    left = {task: agent for task, agent in progress.outstanding.items() if task != task_id}
    return _completed(
        decision.with_session(reconciliation=dataclasses.replace(progress, outstanding=left)), now
    )


def remind(decision: Decision, now: float) -> Decision:
    """Ask again where time has come; once all is answered ask for all tasks now and then, to find strays."""
    decision = _probe(decision, now)
    progress = decision.world.session.reconciliation
    if progress is None or now < progress.next_at:
        return decision
    if progress.outstanding:
        interval = min(progress.interval * 2, LAST_INTERVAL_SECONDS)
    else:
        interval = IMPLICIT_INTERVAL_SECONDS
    later = dataclasses.replace(
        progress, interval=interval, next_at=now + interval, attempts=progress.attempts + 1
    )
    decision = decision.with_session(reconciliation=later)
    return _ask(decision) if later.outstanding else decision.plus(Reconcile())


@of_ledger
def _maintenance(world: World) -> list[WorkTask]:
    """The maintenance tasks that run or may run."""
    parts = (part for operation in world.ledger.operations.values() for part in operation.parts)
    return [part.task for part in parts if part.task is not None and part.task.alive]


def _ask(decision: Decision) -> Decision:
    progress = decision.world.session.reconciliation
    if progress is None or not progress.outstanding:
        return decision
    return decision.plus(Reconcile(tuple(progress.outstanding.items())))


def _completed(decision: Decision, now: float) -> Decision:
    progress = decision.world.session.reconciliation
    if progress is None or progress.outstanding or progress.completed_at is not None:
        return decision
    done = dataclasses.replace(progress, completed_at=now, next_at=now)
    return decision.with_session(reconciliation=done)


def _probe(decision: Decision, now: float) -> Decision:
    """Ask about tasks of which Mesos may know more than it tells by itself."""
    for task in _unsure(decision.world):
        long = now - task.since >= reminders.REPEAT_SECONDS
        if long and reminders.is_due(decision.world, task.id, now):
            question = Reconcile(((task.id, task.agent_id),))
            decision = reminders.noted(decision, task.id, now).plus(question)
    return decision


@of_ledger
def _unsure(world: World) -> list[Task | WorkTask]:
    """The tasks of which Mesos may be silent, but for work that is being killed: kills are repeated."""
    servers = [node.task for node in world.ledger.members() if node.task is not None]
    working = [work for work in _maintenance(world) if work.state in UNSURE and work.kill_grace is None]
    return [*(task for task in servers if task.state in UNSURE), *working]


def period(world: World) -> tuple[float | None, float | None]:
    """Since when Mesos is asked, and until when agents that it knows may come back to its master."""
    progress = world.session.reconciliation
    if progress is None:
        return None, None
    return progress.started_at, progress.started_at + AGENT_REREGISTER_SECONDS


def is_reconciled(world: World, node: Node) -> bool:
    """Whether what is known of the node's task was told in this session, so that it may be acted on."""
    if node.task is None:
        return world.session.reconciliation is not None
    return is_task_reconciled(world, node.task.id)


def is_task_reconciled(world: World, task_id: str) -> bool:
    """Whether a task's state was told in this session."""
    progress = world.session.reconciliation
    return progress is not None and task_id not in progress.outstanding
