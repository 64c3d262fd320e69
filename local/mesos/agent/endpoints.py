"""What people and tools read from an agent."""

from __future__ import annotations

from collections.abc import Callable

from local.mesos import build
from local.mesos.agent import index, metrics, views
from local.mesos.agent.agent import Agent
from local.mesos.agent.operator_api import OperatorApi
from local.mesos.files import Files
from local.mesos.http import Response, Router, answer

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
    router.add("/", lambda request: index.show(agent, [*READS, "/health"]))
    files = Files(lambda: views.files(agent))
    files.add(router)
    router.add("/api/v1", OperatorApi(agent, files).handle)
