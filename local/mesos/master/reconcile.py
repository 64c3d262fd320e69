"""Answers to RECONCILE and RECONCILE_OPERATIONS. Pure: what is known goes in, statuses come out."""

from __future__ import annotations

from collections.abc import Iterator

from local.mesos.master import statuses
from local.mesos.master.model import Framework, Json, Task
from local.mesos.master.state import State

_REASON = "REASON_RECONCILIATION"


def all_tasks(framework: Framework) -> Iterator[Json]:
    """The latest status of each task that is known."""
    return (_latest(task) for task in framework.tasks.values())


def task(state: State, framework: Framework, task_id: str, agent_id: str | None) -> Json | None:
    """What can be said of a task. None while it may be on an agent that has not come back yet.

    The agent id does not matter for a known task; a task on an unreachable agent is not known.
    """
    if known := framework.tasks.get(task_id):
        return _latest(known)
    recovering = state.recovered if agent_id is None else agent_id in state.recovered
    if recovering:
        return None
    fate, what, others = _fate(state, agent_id)
    shown, text = statuses.seen_by(framework, fate), f"Reconciliation: {what}"
    return statuses.task_status(task_id, shown, _REASON, text, agent_id=agent_id, others=others)


def _fate(state: State, agent_id: str | None) -> tuple[str, str, Json]:
    """State, text and further fields for an unknown task, from what is known of its agent."""
    if agent_id in state.agents:
        return "TASK_GONE", "Task is unknown to the agent", {}
    if agent_id in state.registry.unreachable:
        since = statuses.time_info(state.registry.unreachable[agent_id])
        return "TASK_UNREACHABLE", "Task is unreachable", {"unreachable_time": since}
    if agent_id in state.registry.gone:
        return "TASK_GONE_BY_OPERATOR", "Task is gone", {}
    return "TASK_UNKNOWN", "Task is unknown", {}


def _latest(known: Task) -> Json:
    state = known.forwarded_state or known.state
    text = "Reconciliation: Latest task state"
    return statuses.of_task(known, state, _REASON, text, seen_in_container(known))


def seen_in_container(known: Task) -> Json:
    """What the latest status says of a task's health and container."""
    return {key: known.latest(key) for key in ("healthy", "check_status", "container_status")}


def operation(state: State, framework: Framework, operation_id: str, agent_id: str | None) -> Json:
    """What can be said of an operation."""
    if known := framework.operations.get(operation_id):
        return {key: value for key, value in known.status.items() if key != "uuid"}
    outcome, what = _fate_of_operation(state, agent_id)
    return statuses.operation_status(
        outcome, operation_id=operation_id, message=f"Reconciliation: {what}", agent_id=agent_id
    )


def _fate_of_operation(state: State, agent_id: str | None) -> tuple[str, str]:
    if agent_id is None:
        return "OPERATION_UNKNOWN", "Operation is unknown and no 'agent_id' was provided"
    if agent_id in state.recovered:
        return "OPERATION_RECOVERING", "Agent is recovered but has not re-registered"
    if agent_id in state.agents:
        return "OPERATION_UNKNOWN", "Operation is unknown"
    if agent_id in state.registry.unreachable:
        return "OPERATION_UNREACHABLE", "Agent is unreachable"
    if agent_id in state.registry.gone:
        return "OPERATION_GONE_BY_OPERATOR", "Agent marked gone by operator"
    return "OPERATION_UNKNOWN", "Both operation and agent are unknown"
