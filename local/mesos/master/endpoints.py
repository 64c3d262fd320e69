"""The read-only endpoints for operators."""

from __future__ import annotations

from collections.abc import Callable

from local.mesos import build, http
from local.mesos.http import Handler, Request, Response
from local.mesos.master import views
from local.mesos.master.model import Json
from local.mesos.master.state import State

READS: dict[str, Callable[[State, Request], Json]] = {
    "/state": lambda state, _: views.state(state),
    "/state-summary": lambda state, _: views.summary(state),
    "/slaves": lambda state, request: views.agents(state, request.query.get("slave_id")),
    "/frameworks": lambda state, request: views.frameworks(state, request.query.get("framework_id")),
    "/tasks": lambda state, request: views.tasks(state, request.query),
    "/roles": lambda state, _: views.roles(state),
    "/flags": lambda state, _: {"flags": state.flags.as_dict()},
}
"""Endpoints that may need a login."""


def read(state: State, view: Callable[[State, Request], Json]) -> Handler:
    """A handler that answers with what the view shows."""
    return lambda request: http.answer(request, view(state, request))


def version(request: Request) -> Response:
    """Never needs a login."""
    return http.answer(request, build.version())


def health(request: Request) -> Response:
    """200 says that this process works."""
    return Response(200)
