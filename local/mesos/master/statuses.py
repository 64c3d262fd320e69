"""Task and operation statuses that the master makes itself. Without a uuid: nobody acknowledges them."""

from __future__ import annotations

import time

from local.mesos.master.model import Framework, Json, Task


def task_status(
    task_id: str,
    state: str,
    reason: str,
    message: str,
    *,
    agent_id: str | None = None,
    executor_id: str | None = None,
    others: Json | None = None,
) -> Json:
    """A TaskStatus from the master; ``others`` are further fields, left out where None."""
    fields: Json = {
        "task_id": {"value": task_id},
        "state": state,
        "message": message,
        "source": "SOURCE_MASTER",
        "reason": reason,
        "agent_id": _id(agent_id),
        "executor_id": _id(executor_id),
        "timestamp": time.time(),
        **(others or {}),
    }
    return {key: value for key, value in fields.items() if value is not None}


def of_task(task: Task, state: str, reason: str, message: str, others: Json | None = None) -> Json:
    """The same for a task that the master knows."""
    return task_status(
        task.id,
        state,
        reason,
        message,
        agent_id=task.agent_id,
        executor_id=task.executor_id,
        others=others,
    )


def seen_by(framework: Framework, state: str) -> str:
    """How a framework is told of a state: those that are not PARTITION_AWARE know only TASK_LOST."""
    aware = framework.can("PARTITION_AWARE")
    newer = ("TASK_DROPPED", "TASK_UNREACHABLE", "TASK_GONE", "TASK_GONE_BY_OPERATOR", "TASK_UNKNOWN")
    return state if aware or state not in newer else "TASK_LOST"


def operation_status(
    state: str,
    *,
    operation_id: str | None = None,
    message: str | None = None,
    agent_id: str | None = None,
) -> Json:
    """An OperationStatus from the master."""
    fields = {
        "operation_id": _id(operation_id),
        "state": state,
        "message": message,
        "agent_id": _id(agent_id),
    }
    return {key: value for key, value in fields.items() if value is not None}


def time_info(seconds: float) -> Json:
    """A time as the v1 API has it."""
    return {"nanoseconds": round(seconds * 10**9)}


def _id(value: str | None) -> Json | None:
    return None if value is None else {"value": value}
