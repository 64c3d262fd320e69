"""The page at ``/``: says in plain words what this is and what not, shows who is there, leads on."""

from __future__ import annotations

import html

from local.mesos import page
from local.mesos.http import Request, Response
from local.mesos.master.state import State

READS = {
    "/state": "everything this master knows",
    "/state-summary": "the same with numbers in place of tasks",
    "/slaves": "agents and their resources, reservations and volumes",
    "/frameworks": "frameworks with tasks, offers and executors",
    "/tasks": "tasks",
    "/roles": "roles and what they hold",
    "/flags": "flags",
    "/metrics/snapshot": "metrics",
    "/version": "version of the API",
    "/health": "an empty answer while this process works",
    "/redirect": "where the leading master is",
}

LOG = {"/files/read?path=/master/log&offset=0": "the log"}

CHANGES = {
    "/teardown": "frameworkId: end a framework and all of its tasks",
    "/reserve": "slaveId, resources: reserve for a role",
    "/unreserve": "slaveId, resources: give back what was reserved",
    "/create-volumes": "slaveId, volumes: make persistent volumes of reserved disk",
    "/destroy-volumes": "slaveId, volumes: delete volumes and the data in them",
    "/api/v1": "the v1 operator API: GET_STATE and other reads, the changes above, MARK_AGENT_GONE",
    "/api/v1/scheduler": "the v1 scheduler API",
}

IS = (
    "It speaks the v1 HTTP API of Apache Mesos {version}, in JSON, as strictly as Mesos does.",
    "Offers, reservations with labels and refinements, persistent volumes, custom executors and commands, "
    "status updates, reconciliation, failover of schedulers, masters and agents work as they do there.",
    "Executors are real processes, and volumes real directories, of this machine.",
)

IS_NOT = (
    "It isolates nothing: no containers, no images, no limits on CPU, memory or disk.",
    "It has no task groups, health checks, quota, weights, maintenance, draining, GPUs, shared or growing "
    "volumes, resource providers, and no stream of events for operators.",
    "It has no TLS and no authorization: whoever may log in may do everything.",
    "It is no place for data that matter: use it for development and trials.",
)


def show(state: State, request: Request) -> Response:
    """The index page."""
    address = f"{state.info['hostname']}:{state.info['port']}"
    return page.answer(
        f"Mesos master on {address}",
        "<h1>One-machine Mesos: master</h1>",
        f"<p>{page.code(address)}, id {page.code(state.id)}</p>",
        '<p class="note"><strong>This is not Apache Mesos</strong>, but a small stand-in for it.</p>',
        "<h2>What it is</h2>",
        page.items(text.format(version=state.info["version"]) for text in IS),
        "<h2>What it is not</h2>",
        page.items(IS_NOT),
        "<h2>Agents</h2>",
        _agents(state),
        "<h2>Frameworks</h2>",
        _frameworks(state),
        "<h2>To read</h2>",
        page.links({**READS, **(LOG if state.flags.text("log_dir") else {})}),
        "<h2>To change: POST</h2>",
        page.table((), [(page.code(path), html.escape(text)) for path, text in CHANGES.items()]),
    )


def _agents(state: State) -> str:
    if not state.agents:
        return "<p>None is registered.</p>"
    rows = [
        (
            page.link(f"http://{agent.ip}:{agent.port}/", f"{agent.hostname}:{agent.port}"),
            page.code(agent.id),
            "connected" if agent.connected else "disconnected",
            str(sum(len(tasks) for tasks in agent.tasks.values())),
        )
        for agent in state.agents.values()
    ]
    return page.table(("agent", "id", "", "tasks"), rows)


def _frameworks(state: State) -> str:
    if not state.frameworks:
        return "<p>None has subscribed.</p>"
    rows = [
        (
            html.escape(framework.info["name"]),
            page.code(framework.id),
            html.escape(", ".join(framework.roles)),
            "subscribed" if framework.connected else "away",
            str(len(framework.tasks)),
        )
        for framework in state.frameworks.values()
    ]
    return page.table(("framework", "id", "roles", "", "tasks"), rows)
