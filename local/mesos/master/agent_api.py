"""Where agents register and report; the protocol is described in ``link``."""

from __future__ import annotations

from local.mesos import http
from local.mesos.http import Refusal, Request, Response, Stream
from local.mesos.master.agents import Agents
from local.mesos.master.state import State

PATH = "/internal/agents"


class AgentApi:
    """``POST /internal/agents`` and ``/internal/agents/<agent id>``."""

    def __init__(self, state: State, agents: Agents) -> None:
        self._state = state
        self._agents = agents

    def handle(self, request: Request) -> Response | Stream:
        """A registration, or a report of a registered agent."""
        message = http.parse_json(request.body)
        if not isinstance(message, dict):
            raise Refusal(400, "A JSON object is expected.")
        agent_id = request.path.partition(PATH)[2].strip("/")
        if not agent_id:
            return self._agents.register(message)
        agent = self._state.agents.get(agent_id)
        if agent is None:
            raise Refusal(404, f"Agent {agent_id} is not registered.")
        self._agents.report(agent, message)
        return http.accepted()
