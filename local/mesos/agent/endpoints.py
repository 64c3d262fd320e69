"""What people and tools read from an agent."""

from __future__ import annotations

from collections.abc import Callable

from local.mesos import build
from local.mesos.agent import metrics, views
from local.mesos.agent.agent import Agent
from local.mesos.agent.operator_api import OperatorApi
from local.mesos.files import Files
from local.mesos.http import Response, Router, answer, text

READS: dict[str, Callable[[Agent], object]] = {
    "/containers": views.container_list,
    "/flags": lambda agent: {"flags": dict(agent.settings.flags)},
    "/metrics/snapshot": metrics.snapshot,
    "/monitor/statistics": views.statistics,
    "/state": views.state,
    "/version": lambda agent: build.version(),
}


def add(router: Router, agent: Agent) -> None:
    """Serve the reads of an agent."""
    for path, view in READS.items():
        router.add(path, lambda request, view=view: answer(request, view(agent)))  # type: ignore[misc]
    router.add("/health", lambda request: Response(200))
    router.add("/", lambda request: text(200, _index(agent)))
    files = Files(lambda: views.files(agent))
    files.add(router)
    router.add("/api/v1", OperatorApi(agent, files).handle)


def _index(agent: Agent) -> str:
    return (
        "An agent of the one-machine Mesos: it starts executors as plain processes, for development and "
        "tests. It isolates nothing.\n"
        f"id: {agent.agent_id or 'not registered yet'}\n"
        f"reads: {' '.join(READS)} /health /files/browse?path=<an executor's directory in /state>\n"
    )
