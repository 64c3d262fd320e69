"""Tasks and their executors, before they are launched."""

from __future__ import annotations

from typing import Any

from local.mesos import formats, text_format
from local.mesos.master.model import Agent, Framework, Json
from local.mesos.master.validation.resources import (
    check_disks,
    check_one_role,
    check_unique_volumes,
    overlap,
)
from local.mesos.resources import Resource, Resources
from local.mesos.validation import Invalid, check_id

_RULE = "-" * 60


def check_task(task: Json, framework: Framework, agent: Agent, available: Resources) -> None:
    """A TaskInfo. Its resources are allocated and in the form after refinement."""
    check_id(task["task_id"]["value"])
    _check_new(task["task_id"]["value"], framework)
    if task["agent_id"]["value"] != agent.id:
        raise Invalid(
            f"Task uses invalid agent {task['agent_id']['value']} while agent {agent.id} is expected"
        )
    _check_not_negative(task.get("kill_policy", {}), "grace_period", "Task's 'kill_policy.grace_period'")
    _check_not_negative(task, "max_completion_time", "Task's `max_completion_time`")
    if not task.get("resources"):
        raise Invalid("Task uses no resources")
    _check_resources("Task", task["resources"])
    _check_command("Task", task)
    _check_executor_or_command(task, framework, agent, available)


def _check_new(task_id: str, framework: Framework) -> None:
    if task_id in framework.tasks:
        raise Invalid(f"Task has duplicate ID: {task_id}")
    if task_id in framework.unreachable_tasks:
        raise Invalid(f"Task reuses the ID of an unreachable task: {task_id}")


def _check_not_negative(message: Json, field: str, name: str) -> None:
    if message.get(field, {}).get("nanoseconds", 0) < 0:
        raise Invalid(f"{name} must be non-negative")


def _check_resources(whose: str, resources: list[Resource]) -> None:
    for check, text in (
        (check_disks, f"{whose} uses invalid resources"),
        (check_unique_volumes, f"{whose} uses duplicate persistence ID"),
        (check_one_role, f"Invalid {whose.lower()} resources"),
    ):
        try:
            check(resources)
        except Invalid as error:
            raise Invalid(f"{text}: {error}") from error


def _check_command(whose: str, owner: Json) -> None:
    command = owner.get("command")
    if command is None:
        return
    names = [
        item["name"] for item in command.get("environment", {}).get("variables", []) if "value" not in item
    ]
    if names:
        raise Invalid(
            f"{whose}'s `CommandInfo` is invalid: Environment variable '{names[0]}' of type 'VALUE' must "
            "have a value set"
        )


def _check_executor_or_command(task: Json, framework: Framework, agent: Agent, available: Resources) -> None:
    if ("executor" in task) == ("command" in task):
        raise Invalid("Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")
    needed = Resources(task["resources"])
    if executor := task.get("executor"):
        check_executor(executor, framework, agent)
        own = Resources(executor.get("resources", []))
        _check_together(needed, own)
        if executor["executor_id"]["value"] not in agent.executors.get(framework.id, {}):
            needed += own
    if not available.contains(needed):
        raise Invalid(
            f"Total resources {formats.describe(needed)} required by task and its executor is more than "
            f"available {formats.describe(available)}"
        )


def _check_together(task: Resources, executor: Resources) -> None:
    if overlap(task, executor):
        raise Invalid(
            f"There are overlapping resources in the task resources {formats.describe(task)} and executor "
            f"resources {formats.describe(executor)}"
        )
    try:
        check_unique_volumes([*task, *executor])
    except Invalid as error:
        raise Invalid(f"Task and its executor use duplicate persistence ID: {error}") from error


def check_executor(executor: Json, framework: Framework, agent: Agent) -> None:
    """An ExecutorInfo with its framework id filled in: by itself, then against the one already running."""
    if executor.get("type") == "CUSTOM" and "command" not in executor:
        raise Invalid("'ExecutorInfo.command' must be set for 'CUSTOM' executor")
    check_id(executor["executor_id"]["value"])
    _check_not_negative(executor, "shutdown_grace_period", "ExecutorInfo's 'shutdown_grace_period'")
    _check_command("Executor", executor)
    if executor["framework_id"]["value"] != framework.id:
        raise Invalid(
            f"ExecutorInfo has an invalid FrameworkID (Actual: {executor['framework_id']['value']} vs "
            f"Expected: {framework.id})"
        )
    _check_resources("Executor", executor.get("resources", []))
    _check_compatible(executor, agent.executors.get(framework.id, {}).get(executor["executor_id"]["value"]))
    if executor.get("type", "CUSTOM") != "CUSTOM":
        raise Invalid("'ExecutorInfo.type' must be 'CUSTOM'")
    if "command" not in executor:
        raise Invalid("'ExecutorInfo.command' must be set")
    if any("shared" in resource for resource in executor.get("resources", [])):
        raise Invalid(
            f"Executor resources {formats.describe(executor['resources'])} should not contain any shared "
            "resources"
        )


def _check_compatible(executor: Json, running: Json | None) -> None:
    if running is None or _compared(executor) == _compared(running):
        return
    raise Invalid(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
        f"{_RULE}\nExisting ExecutorInfo:\n{text_format.write('ExecutorInfo', running)}\n"
        f"{_RULE}\nExecutorInfo:\n{text_format.write('ExecutorInfo', executor)}\n{_RULE}\n"
    )


def _compared(executor: Json) -> dict[str, Any]:
    """What makes an executor another one: not its labels, its grace period, or the order of lists."""
    fields = ("type", "name", "source", "data", "container", "discovery", "framework_id")
    command = executor.get("command", {})
    return {
        **{field: executor.get(field) for field in fields},
        "resources": Resources(executor.get("resources", [])),
        "command": {key: command.get(key) for key in ("value", "shell", "arguments", "user")},
        "uris": _unordered(command.get("uris", [])),
        "variables": _unordered(command.get("environment", {}).get("variables", [])),
    }


def _unordered(items: list[Json]) -> list[str]:
    return sorted(str(sorted(item.items())) for item in items)
