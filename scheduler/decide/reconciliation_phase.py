"""The phase Reconciliation of the plan deploy: of which tasks Mesos has told since the registration."""

from __future__ import annotations

from scheduler.decide.owner import DEPLOY, RECONCILIATION_PHASE, Wait, step_id, untold
from scheduler.decide.reconcile import is_reconciled, period
from scheduler.model.node import Node
from scheduler.model.plan import Phase, Status, Step
from scheduler.model.world import Reconciliation, World


def phase(world: World) -> Phase:
    """One step for all of it, and one for each node whose task Mesos has not told the state of yet."""
    progress = world.session.reconciliation
    if not world.session.registered or progress is None:
        steps: tuple[Step, ...] = (_unregistered(world),)
    else:
        waiting = [node for node in world.ledger.members() if not is_reconciled(world, node)]
        steps = (_whole(world, progress, waiting), *(_node_step(world, progress, node) for node in waiting))
    return Phase(step_id(world, DEPLOY, RECONCILIATION_PHASE), RECONCILIATION_PHASE, steps)


def wait(world: World, node: Node) -> Wait:
    """What is waited for until Mesos has told of the node's task."""
    agent = f" (it is on agent {node.task.agent_id}, which may still be coming back)" if node.task else ""
    return untold(world, f"Mesos to tell the state of its task{agent}")


def _unregistered(world: World) -> Step:
    ident = step_id(world, DEPLOY, RECONCILIATION_PHASE, RECONCILIATION_PHASE)
    message = "not registered with a Mesos master"
    return Step(ident, RECONCILIATION_PHASE, Status.WAITING, message, waiting_for="a Mesos master")


def _whole(world: World, progress: Reconciliation, waiting: list[Node]) -> Step:
    done = progress.completed_at is not None
    names = [node.name for node in waiting] or sorted(progress.outstanding)
    return Step(
        id=step_id(world, DEPLOY, RECONCILIATION_PHASE, RECONCILIATION_PHASE),
        name=RECONCILIATION_PHASE,
        status=Status.COMPLETE if done else Status.WAITING,
        message="Mesos has told the state of every task"
        if done
        else f"asked Mesos {progress.attempts} times; agents may still be coming back to a new master",
        started_at=progress.started_at,
        ended_at=progress.completed_at,
        attempts=progress.attempts,
        waiting_for=None if done else f"the state of {', '.join(names)}",
        deadline=None if done else period(world)[1],
    )


def _node_step(world: World, progress: Reconciliation, node: Node) -> Step:
    awaited = wait(world, node)
    return Step(
        id=step_id(world, DEPLOY, RECONCILIATION_PHASE, node.name),
        name=node.name,
        status=Status.WAITING,
        message=f"waits for {awaited.reason}",
        started_at=progress.started_at,
        attempts=progress.attempts,
        waiting_for=awaited.reason,
        deadline=awaited.deadline,
    )
