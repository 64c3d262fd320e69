"""The page at ``/``: says in plain words what this is, and leads to the endpoints."""

from __future__ import annotations

import html

from local.mesos.http import Request, Response
from local.mesos.master.state import State

LINKS = {
    "/state": "everything this master knows",
    "/state-summary": "the same with numbers in place of tasks",
    "/slaves": "agents and their resources",
    "/frameworks": "frameworks with tasks, offers, executors",
    "/tasks": "tasks",
    "/roles": "roles",
    "/flags": "flags",
    "/metrics/snapshot": "metrics",
    "/version": "version of the API",
    "/health": "an empty answer while this process works",
    "/redirect": "where the leading master is",
    "/files/browse?path=/master/log": "the log, where --log_dir is set",
}

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mesos master on {address}</title></head><body>
<h1>A small Mesos master</h1>
<p>This is not Apache Mesos. It is a stand-in for one machine that speaks the v1 HTTP API of Apache Mesos
{version} as far as a framework with reservations, persistent volumes and custom executors needs it.</p>
<p>It has no containers, no isolation of tasks from each other, no quota, no weights, no maintenance
windows and no web interface but this page. Do not run it for anything but development and trials.</p>
<p>Master {id} on {address}: {agents} agents, {frameworks} frameworks.</p>
<ul>{links}</ul>
<p>Schedulers: <code>POST /api/v1/scheduler</code>. Operators: <code>POST /api/v1</code>.</p>
</body></html>
"""


def page(state: State, request: Request) -> Response:
    """The index page."""
    links = "".join(f'<li><a href="{path}">{path}</a>: {text}</li>' for path, text in LINKS.items())
    info = state.info
    body = PAGE.format(
        address=html.escape(f"{info['hostname']}:{info['port']}"),
        version=info["version"],
        id=state.id,
        agents=len(state.agents),
        frameworks=len(state.frameworks),
        links=links,
    )
    return Response(200, body.encode(), {"Content-Type": "text/html; charset=utf-8"})
