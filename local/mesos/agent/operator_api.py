"""An agent's operator API: ``POST /api/v1``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from local.mesos import build, http, shown
from local.mesos.agent import api_views, metrics, views
from local.mesos.agent.agent import Agent
from local.mesos.enums import ENUMS
from local.mesos.files import Files
from local.mesos.http import Refusal, Request, Response
from local.mesos.validation import Invalid, require_body

Json = dict[str, Any]

WITH_BODY = frozenset({"GET_METRICS", "LIST_FILES", "READ_FILE"})


class OperatorApi:
    """Checks calls and answers them."""

    def __init__(self, agent: Agent, files: Files) -> None:
        self._reads: dict[str, Callable[[Json], Json]] = {
            "GET_HEALTH": lambda _: {"healthy": True},
            "GET_VERSION": lambda _: {"version_info": build.version_info()},
            "GET_FLAGS": lambda _: {"flags": shown.pairs(agent.settings.flags)},
            "GET_METRICS": lambda _: {"metrics": shown.pairs(metrics.snapshot(agent))},
            "GET_LOGGING_LEVEL": lambda _: {"level": int(logging.getLogger().isEnabledFor(logging.DEBUG))},
            "GET_CONTAINERS": lambda _: views.containers(agent),
            "GET_STATE": lambda _: api_views.state(agent),
            "GET_FRAMEWORKS": lambda _: api_views.frameworks(agent),
            "GET_EXECUTORS": lambda _: api_views.executors(agent),
            "GET_TASKS": lambda _: api_views.tasks(agent),
            "GET_OPERATIONS": lambda _: api_views.operations(agent),
            "GET_AGENT": lambda _: {"agent_info": agent.info()},
            "LIST_FILES": lambda body: files.list_files(body["path"]),
            "READ_FILE": lambda body: files.read_file(**body),
        }
        self.handle = http.only("POST")(self._handle)

    def _handle(self, request: Request) -> Response:
        """One call, checked in the order of Mesos."""
        call = http.read_call(request, "agent.Call")
        try:
            require_body(call, ENUMS["AgentCallType"] - WITH_BODY)
        except Invalid as error:
            raise Refusal(400, f"Failed to validate agent::Call: {error}") from error
        http.require_json_accepted(request)
        kind = call["type"]
        if kind not in self._reads:
            raise Refusal(501, f"{kind} is not supported by this agent.")
        return http.answer_call(request, kind, self._reads[kind](call.get(kind.lower(), {})))
