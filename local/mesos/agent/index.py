"""An agent's page at ``/``: what it is and what not, what runs on it, where to read on."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from local.mesos import page
from local.mesos.agent.agent import Agent
from local.mesos.http import Response


def show(agent: Agent, reads: Iterable[str]) -> Response:
    """The index page; ``reads`` are the paths that can be read."""
    endpoint = agent.settings.endpoint
    return page.answer(
        f"Mesos agent on {endpoint}",
        "<h1>One-machine Mesos: agent</h1>",
        f"<p>{page.code(endpoint)}, id {page.code(agent.agent_id or 'none yet')}, {_master(agent)}</p>",
        '<p class="note"><strong>This is not Apache Mesos</strong>, but a small stand-in for it, for '
        "development and trials. It starts executors as plain processes and isolates nothing.</p>",
        "<h2>Executors</h2>",
        _executors(agent),
        "<h2>To read</h2>",
        page.items(page.link(path, path) for path in reads),
        f"<p>Executors: {page.code('POST /api/v1/executor')}. Operators: {page.code('POST /api/v1')}.</p>",
    )


def _master(agent: Agent) -> str:
    state = "registered with" if agent.link.registered else "not registered with"
    return f"{state} the master {page.link(f'http://{agent.settings.master}/', agent.settings.master)}"


def _executors(agent: Agent) -> str:
    rows = [
        (
            page.code(executor.id),
            executor.state.value.lower(),
            str(len(executor.tasks)),
            page.link(f"/files/browse?path={quote(str(executor.sandbox))}", "sandbox"),
        )
        for executor in agent.executors.values()
    ]
    return page.table(("executor", "", "tasks", ""), rows) if rows else "<p>None.</p>"
