"""What people and tools read from an agent."""

from __future__ import annotations

from typing import Any

from local.mesos import formats
from local.mesos.agent import metrics
from local.mesos.agent.agent import VERSION, Agent
from local.mesos.http import Request, Response, Router, answer, text

Json = dict[str, Any]


def add(router: Router, agent: Agent) -> None:
    """Serve the reads of an agent."""
    router.add("/", lambda request: text(200, _index(agent)))
    router.add("/health", lambda request: text(200))
    router.add("/version", lambda request: answer(request, {"version": VERSION}))
    router.add("/flags", lambda request: answer(request, {"flags": dict(agent.settings.flags)}))
    router.add("/metrics/snapshot", lambda request: answer(request, metrics.snapshot(agent)))
    router.add("/state", lambda request: _state(request, agent))


def _index(agent: Agent) -> str:
    return (
        "An agent of the one-machine Mesos: it starts executors as plain processes, for development and "
        "tests. It isolates nothing.\n"
        f"id: {agent.agent_id or 'not registered yet'}\n"
        "reads: /state /metrics/snapshot /flags /version /health\n"
    )


def _state(request: Request, agent: Agent) -> Response:
    settings = agent.settings
    state: Json = {
        "version": VERSION,
        "id": agent.agent_id,
        "pid": f"slave(1)@{settings.endpoint}",
        "hostname": settings.hostname,
        "start_time": agent.started_at,
        "resources": formats.totals(agent.resources),
        "attributes": {item["name"]: item["text"]["value"] for item in settings.attributes},
        "flags": dict(settings.flags),
        "frameworks": [_framework(agent, framework_id) for framework_id in agent.frameworks],
    }
    return answer(request, state)


def _framework(agent: Agent, framework_id: str) -> Json:
    info = agent.frameworks[framework_id]
    executors = [e for e in agent.executors.values() if e.framework_id == framework_id]
    return {
        "id": framework_id,
        "name": info["name"],
        "user": info.get("user", ""),
        "executors": [
            {
                "id": executor.id,
                "name": executor.info.get("name", ""),
                "container": executor.container.id,
                "directory": str(executor.sandbox),
                "resources": formats.totals(executor.info.get("resources", [])),
                "tasks": [{"id": task.id, "state": task.state} for task in executor.tasks.values()],
            }
            for executor in executors
        ],
    }
