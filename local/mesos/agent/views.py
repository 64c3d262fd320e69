"""What an agent's read-only endpoints and its operator API show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.mesos import build, formats, shown
from local.mesos.agent import usage
from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import Executor, State, Task
from local.mesos.build import AGENT_CAPABILITIES
from local.mesos.resources import Resources, joined

Json = dict[str, Any]


def state(agent: Agent) -> Json:
    """``/state``."""
    settings, total = agent.settings, agent.resources
    used = joined(executor.allocated for executor in agent.live_executors())
    reserved = shown.reserved(total)
    return {
        **build.version_info(),
        "start_time": agent.started_at,
        "id": agent.agent_id or "",
        "pid": f"slave(1)@{settings.endpoint}",
        "hostname": settings.hostname,
        "capabilities": list(AGENT_CAPABILITIES),
        "resources": formats.totals(total),
        "reserved_resources": _totals(reserved),
        "unreserved_resources": formats.totals(shown.unreserved(total)),
        "reserved_resources_full": {role: shown.endpoint(part) for role, part in reserved.items()},
        "unreserved_resources_full": shown.endpoint(shown.unreserved(total)),
        "reserved_resources_allocated": _totals(shown.reserved(used)),
        "unreserved_resources_allocated": formats.totals(shown.unreserved(used)),
        "resource_providers": [],
        "attributes": shown.attributes(settings.attributes),
        **_master(agent),
        "flags": dict(settings.flags),
        "frameworks": [_framework(agent, info) for info in agent.frameworks.values()],
        "completed_frameworks": [_framework(agent, info) for info in agent.completed_frameworks],
    }


def _totals(by_role: dict[str, Resources]) -> Json:
    return {role: formats.totals(part) for role, part in by_role.items()}


def _master(agent: Agent) -> Json:
    """The name of the master's machine, once there is a master."""
    master = agent.link.master
    if master is None:
        return {}
    host = master.rpartition(":")[0]
    return {"master_hostname": "localhost" if host.startswith("127.") else host}


def _framework(agent: Agent, info: Json) -> Json:
    framework_id = info["id"]["value"]
    mine = agent.executors_of(framework_id)
    ended = [item for item in mine if item.state is State.TERMINATED]
    multi_role = {"type": "MULTI_ROLE"} in info.get("capabilities", [])
    return {
        "id": framework_id,
        "name": info["name"],
        "user": info["user"],
        "failover_timeout": info["failover_timeout"],
        "checkpoint": info["checkpoint"],
        "hostname": info.get("hostname", ""),
        **({"principal": info["principal"]} if "principal" in info else {}),
        **({"roles": info.get("roles", [])} if multi_role else {"role": info.get("role", "*")}),
        "executors": [_executor(agent, item) for item in mine if item.state is not State.TERMINATED],
        "completed_executors": [
            _executor(agent, item) for item in (*ended, *agent.completed.get(framework_id, ()))
        ],
    }


def _executor(agent: Agent, executor: Executor) -> Json:
    held, info = executor.allocated, executor.info
    lists: dict[str, list[Json]] = {"tasks": [], "queued_tasks": [], "completed_tasks": []}
    for task in (*executor.tasks.values(), *executor.completed_tasks):
        name = "completed_tasks" if task.ended else "tasks" if task.delivered else "queued_tasks"
        lists[name].append(_task(agent, executor, task))
    return {
        "id": executor.id,
        "name": info.get("name", ""),
        "source": info.get("source", ""),
        "container": executor.container.id,
        "directory": str(executor.sandbox),
        "resources": formats.totals(held),
        **shown.role(held),
        **({"labels": info["labels"].get("labels", [])} if "labels" in info else {}),
        **({"type": info["type"]} if "type" in info else {}),
        **lists,
    }


def _task(agent: Agent, executor: Executor, task: Task) -> Json:
    executor_id = "" if executor.command_task else executor.id
    return shown.task(
        task.info, executor.framework_id, executor_id, agent.agent_id or "", task.state, task.statuses
    )


def statistics(agent: Agent) -> list[Json]:
    """``/monitor/statistics``."""
    return [
        {
            "executor_id": executor.id,
            "executor_name": executor.info.get("name", ""),
            "framework_id": executor.framework_id,
            "source": executor.info.get("source", ""),
            "statistics": dict(sorted(usage.statistics(executor).items())),
        }
        for executor in agent.live_executors()
        if executor.container.pid
    ]


def container_list(agent: Agent) -> list[Json]:
    """``/containers``."""
    running = (executor for executor in agent.live_executors() if executor.container.pid)
    return [
        {
            "container_id": executor.container.id,
            "executor_id": executor.id,
            "executor_name": executor.info.get("name", ""),
            "framework_id": executor.framework_id,
            "source": executor.info.get("source", ""),
            "statistics": dict(sorted(usage.statistics(executor).items())),
            "status": {
                "container_id": {"value": executor.container.id},
                "executor_pid": executor.container.pid,
            },
        }
        for executor in running
    ]


def containers(agent: Agent) -> Json:
    """GET_CONTAINERS."""
    found = [_container(executor) for executor in agent.live_executors() if executor.container.pid]
    return {"containers": found} if found else {}


def _container(executor: Executor) -> Json:
    container_id = {"value": executor.container.id}
    return {
        "framework_id": {"value": executor.framework_id},
        "executor_id": {"value": executor.id},
        "executor_name": executor.info.get("name", ""),
        "container_id": container_id,
        "container_status": {"container_id": container_id, "executor_pid": executor.container.pid},
        "resource_statistics": usage.statistics(executor),
    }


def files(agent: Agent) -> dict[str, Path]:
    """Sandboxes by the paths under which people find them: their real ones, and those of their executors."""
    return dict(_files(agent))


def _files(agent: Agent) -> Iterator[tuple[str, Path]]:
    root = agent.settings.work_dir / "slaves" / (agent.agent_id or "") / "frameworks"
    for runs in root.glob("*/executors/*/runs"):
        executor, framework = runs.parent.name, runs.parents[2].name
        for run in runs.iterdir():
            if run.name == "latest":
                yield f"/frameworks/{framework}/executors/{executor}/runs/latest", run
            else:
                yield str(run), run
