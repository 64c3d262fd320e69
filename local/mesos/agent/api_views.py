"""What an agent's operator API shows: messages of the v1 API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

from local.mesos import shown
from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import Executor, State, Task

Json = dict[str, Any]


def state(agent: Agent) -> Json:
    """GET_STATE."""
    return {
        "get_tasks": tasks(agent),
        "get_executors": executors(agent),
        "get_frameworks": frameworks(agent),
    }


def frameworks(agent: Agent) -> Json:
    """GET_FRAMEWORKS."""
    return _filled(
        frameworks=[{"framework_info": info} for info in agent.frameworks.values()],
        completed_frameworks=[{"framework_info": info} for info in agent.completed_frameworks],
    )


def executors(agent: Agent) -> Json:
    """GET_EXECUTORS."""
    by_list: dict[str, list[Json]] = defaultdict(list)
    for executor in agent.executors.values():
        name = "completed_executors" if executor.state is State.TERMINATED else "executors"
        by_list[name].append({"executor_info": executor.info})
    for executor in _completed(agent):
        by_list["completed_executors"].append({"executor_info": executor.info})
    return dict(by_list)


def _completed(agent: Agent) -> Iterator[Executor]:
    return chain.from_iterable(agent.completed.values())


def tasks(agent: Agent) -> Json:
    """GET_TASKS."""
    by_list: dict[str, list[Json]] = defaultdict(list)
    for executor in agent.executors.values():
        for task in executor.tasks.values():
            # Terminated: ended, but its scheduler has not acknowledged that yet.
            name = (
                "terminated_tasks" if task.ended else "launched_tasks" if task.delivered else "queued_tasks"
            )
            by_list[name].append(_task(agent, executor, task))
    for executor in (*agent.executors.values(), *_completed(agent)):
        for task in executor.completed_tasks:
            by_list["completed_tasks"].append(_task(agent, executor, task))
    return dict(by_list)


def _task(agent: Agent, executor: Executor, task: Task) -> Json:
    executor_id = None if executor.command_task else executor.id
    return shown.api_task(
        task.info, executor.framework_id, executor_id, agent.agent_id or "", task.state, task.statuses
    )


def operations(agent: Agent) -> Json:
    """GET_OPERATIONS: those whose outcome is not acknowledged."""
    found = [
        {
            "framework_id": entry["framework_id"],
            "agent_id": {"value": agent.agent_id},
            "info": entry["operation"],
            "latest_status": entry["status"],
            "statuses": [entry["status"]],
            "uuid": {"value": entry["uuid"]},
        }
        for entry in agent.operations.values()
    ]
    return _filled(operations=found)


def _filled(**lists: list[Json]) -> Json:
    return {name: items for name, items in lists.items() if items}
