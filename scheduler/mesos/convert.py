"""Status updates from Mesos' JSON; operations, tasks and executors into it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, assert_never

from scheduler.mesos.resources import labels_json, resources_json
from scheduler.model.intent import Create, Destroy, Discovery, Launch, Operation, Reserve, Unreserve
from scheduler.model.node import Executor
from scheduler.model.task import TaskUpdate

Json = Mapping[str, Any]


def read_update(status: Json) -> TaskUpdate:
    """The status of an UPDATE event."""
    return TaskUpdate(
        task_id=status["task_id"]["value"],
        state=status["state"],
        agent_id=_value(status.get("agent_id")),
        executor_id=_value(status.get("executor_id")),
        uuid=status.get("uuid"),
        reason=status.get("reason"),
        message=status.get("message", ""),
        source=status.get("source"),
        timestamp=status.get("timestamp", 0.0),
        data=b64decode(status.get("data", "")),
    )


def _value(identifier: Json | None) -> str | None:
    return None if identifier is None else identifier["value"]


def operation_json(operation: Operation, framework_id: str, role: str) -> dict[str, Any]:
    """Write an operation of an ACCEPT, whose offers are to ``role``."""
    match operation:
        case Reserve(resources):
            return {"type": "RESERVE", "reserve": {"resources": resources_json(resources, role)}}
        case Unreserve(resources):
            return {"type": "UNRESERVE", "unreserve": {"resources": resources_json(resources, role)}}
        case Create(volumes):
            return {"type": "CREATE", "create": {"volumes": resources_json(volumes, role)}}
        case Destroy(volumes):
            return {"type": "DESTROY", "destroy": {"volumes": resources_json(volumes, role)}}
        case Launch():
            return {"type": "LAUNCH", "launch": {"task_infos": [task_json(operation, framework_id, role)]}}
        case _:
            assert_never(operation)


def task_json(launch: Launch, framework_id: str, role: str) -> dict[str, Any]:
    """Write a TaskInfo."""
    task: dict[str, Any] = {
        "name": launch.name,
        "task_id": {"value": launch.task_id},
        "agent_id": {"value": launch.agent_id},
        "resources": resources_json(launch.resources, role),
        "executor": executor_json(launch.executor, framework_id, role),
        "data": b64encode(launch.data).decode(),
        "kill_policy": {"grace_period": duration_json(launch.grace_seconds)},
    }
    if launch.labels:
        task["labels"] = labels_json(launch.labels)
    if launch.discovery is not None:
        task["discovery"] = _discovery_json(launch.discovery)
    return task


def executor_json(executor: Executor, framework_id: str, role: str) -> dict[str, Any]:
    """Write an ExecutorInfo, of which Mesos demands that it be the same for every task of an executor.

    So it depends on the stored record alone (a framework keeps its id and its role for life), and a
    scheduler that renders it otherwise cannot start tasks on the executors that are running.
    """
    return {
        "type": "CUSTOM",
        "executor_id": {"value": executor.id},
        "framework_id": {"value": framework_id},
        "name": executor.name,
        "command": {
            "value": executor.command,
            "shell": True,
            "uris": [{"value": executor.uri, "extract": False, "executable": False, "cache": False}],
            "environment": {"variables": [_variable(name, value) for name, value in executor.environment]},
        },
        "resources": resources_json(executor.resources, role),
        "shutdown_grace_period": duration_json(executor.shutdown_grace_seconds),
    }


def _variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "type": "VALUE", "value": value}


def duration_json(seconds: float) -> dict[str, int]:
    """Write a DurationInfo."""
    return {"nanoseconds": round(seconds * 1e9)}


def _discovery_json(discovery: Discovery) -> dict[str, Any]:
    port = {
        "number": discovery.port,
        "name": discovery.port_name,
        "protocol": "tcp",
        "labels": labels_json([("VIP_0", discovery.vip)]),
    }
    return {"visibility": "EXTERNAL", "name": discovery.name, "ports": {"ports": [port]}}
