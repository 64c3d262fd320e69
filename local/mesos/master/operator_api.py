"""The operator API: ``POST /api/v1``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from local.mesos import http
from local.mesos.enums import ENUMS, UNSUPPORTED_CALLS
from local.mesos.files import Files
from local.mesos.http import Refusal, Request, Response
from local.mesos.master import api_views
from local.mesos.master.metrics import Metrics
from local.mesos.master.model import Json
from local.mesos.master.operator_changes import OperatorChanges
from local.mesos.master.state import State
from local.mesos.validation import Invalid, require_body

WITH_BODY = frozenset(
    {
        "GET_METRICS",
        "RESERVE_RESOURCES",
        "UNRESERVE_RESOURCES",
        "CREATE_VOLUMES",
        "DESTROY_VOLUMES",
        "TEARDOWN",
        "MARK_AGENT_GONE",
        "LIST_FILES",
        "READ_FILE",
    }
)


class OperatorApi:
    """Checks calls and answers them."""

    def __init__(self, state: State, changes: OperatorChanges, metrics: Metrics, files: Files) -> None:
        self._changes = changes
        self._files = files
        self._reads: dict[str, Callable[[], Json]] = {
            "GET_HEALTH": lambda: {"healthy": True},
            "GET_VERSION": api_views.version,
            "GET_FLAGS": lambda: api_views.flags(state),
            "GET_METRICS": lambda: api_views.metrics(metrics.snapshot()),
            "GET_LOGGING_LEVEL": lambda: {"level": int(logging.getLogger().isEnabledFor(logging.DEBUG))},
            "GET_STATE": lambda: api_views.state(state),
            "GET_AGENTS": lambda: api_views.agents(state),
            "GET_FRAMEWORKS": lambda: api_views.frameworks(state),
            "GET_EXECUTORS": lambda: api_views.executors(state),
            "GET_TASKS": lambda: api_views.tasks(state),
            "GET_OPERATIONS": lambda: api_views.operations(state),
            "GET_ROLES": lambda: api_views.roles(state),
            "GET_MASTER": lambda: api_views.master(state),
        }

    def handle(self, request: Request) -> Response:
        """One call, checked in the order of Mesos."""
        call = http.read_call(request, "master.Call")
        try:
            require_body(call, ENUMS["MasterCallType"] - WITH_BODY)
        except Invalid as error:
            raise Refusal(400, f"Failed to validate master::Call: {error}") from error
        if call["type"] in UNSUPPORTED_CALLS:
            raise Refusal(501, f"{call['type']} is not supported by this master.")
        http.require_json_accepted(request)
        kind = call["type"]
        body = call.get(kind.lower(), {})
        if kind in self._reads:
            return http.answer_call(request, kind, self._reads[kind]())
        if kind == "LIST_FILES":
            return http.answer_call(request, kind, self._files.list_files(body["path"]))
        if kind == "READ_FILE":
            return http.answer_call(request, kind, self._files.read_file(**body))
        return self._change(kind, body, request.principal)

    def _change(self, kind: str, body: Json, principal: str | None) -> Response:
        if kind == "TEARDOWN":
            return self._changes.teardown(body["framework_id"]["value"])
        agent_id = body["agent_id"]["value"]
        if kind == "MARK_AGENT_GONE":
            return self._changes.mark_gone(agent_id)
        operation, _, field = kind.lower().partition("_")
        return self._changes.operate(operation.upper(), agent_id, body.get(field, []), principal)
