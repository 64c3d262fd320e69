"""The form in which executors and their tasks are written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.mesos.agent.container import Container
from local.mesos.agent.executor import Executor, State, Task

Json = dict[str, Any]


def stored(executor: Executor, framework: Json | None) -> Json:
    """All of an executor, with the FrameworkInfo that it works for."""
    return {
        "framework_info": framework,
        "framework_id": executor.framework_id,
        "info": executor.info,
        "command_task": executor.command_task,
        "container": {
            "id": executor.container.id,
            "sandbox": str(executor.sandbox),
            "run_folder": str(executor.container.run_folder),
            "pid": executor.container.pid,
        },
        "terminated": executor.state is State.TERMINATED,
        "tasks": [_stored_task(task) for task in executor.tasks.values()],
    }


def _stored_task(task: Task) -> Json:
    return {
        "info": task.info,
        "state": task.state,
        "delivered": task.delivered,
        "statuses": task.statuses,
        "pending": task.updates.pending,
    }


def restored(stored: Json, new_task: Callable[[str, Json, list[Json]], Task]) -> Executor:
    """The executor that ``stored`` gave; ``new_task`` makes a task of a framework with pending updates."""
    held = stored["container"]
    container = Container(held["id"], Path(held["sandbox"]), Path(held["run_folder"]), held["pid"])
    executor = Executor(stored["framework_id"], stored["info"], container, stored["command_task"])
    for entry in stored["tasks"]:
        task = new_task(executor.framework_id, entry["info"], entry["pending"])
        task.state, task.delivered, task.statuses = entry["state"], entry["delivered"], entry["statuses"]
        executor.tasks[task.id] = task
    if stored["terminated"]:
        executor.state = State.TERMINATED
    return executor
