"""What operators change: reservations, volumes, the end of frameworks and agents.

The v1 API and the older form endpoints lead here.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from local.mesos import formats, http, schema
from local.mesos.http import Refusal, Request, Response
from local.mesos.master.agents import Agents
from local.mesos.master.allocator import DEFAULT_REFUSE_SECONDS
from local.mesos.master.frameworks import Frameworks
from local.mesos.master.model import Agent, Json
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.validation.operation import (
    check_create,
    check_destroy,
    check_reserve,
    check_unreserve,
)
from local.mesos.master.validation.resources import check_format
from local.mesos.resources import Resource, ResourceError, Resources, conversions
from local.mesos.validation import Invalid

FIELDS = {"RESERVE": "resources", "UNRESERVE": "resources", "CREATE": "volumes", "DESTROY": "volumes"}
"""What an operation's resources are called."""


class OperatorChanges:
    """Carries out the changing calls of operators. Refusals are raised as HTTP answers."""

    def __init__(
        self,
        state: State,
        offers: Offers,
        operations: Operations,
        frameworks: Frameworks,
        agents: Agents,
    ) -> None:
        self._state = state
        self._offers = offers
        self._operations = operations
        self._frameworks = frameworks
        self._agents = agents

    def teardown(self, framework_id: str) -> Response:
        """Remove a framework."""
        framework = self._state.frameworks.get(framework_id)
        if framework is None:
            raise Refusal(400, "No framework found with specified ID")
        self._frameworks.remove(framework)
        return Response(200)

    def mark_gone(self, agent_id: str) -> Response:
        """Give an agent up for good."""
        known = (self._state.agents, self._state.recovered, self._state.registry.unreachable)
        if agent_id in self._state.registry.gone:
            return Response(200)
        if not any(agent_id in group for group in known):
            raise Refusal(404, "Agent not found")
        self._agents.loss.mark_gone(agent_id)
        return Response(200)

    def operate(self, kind: str, agent_id: str, resources: list[Resource], principal: str | None) -> Response:
        """RESERVE, UNRESERVE, CREATE or DESTROY what is free or in offers, which are rescinded."""
        agent = self._state.agents.get(agent_id)
        if agent is None:
            raise Refusal(400, "No agent found with specified ID")
        try:
            check_format(resources)
            resources = [formats.refined(resource) for resource in resources]
            _CHECKS[kind](agent, resources, principal)
        except Invalid as error:
            raise Refusal(400, f"Invalid {kind} operation on agent {agent}: {error}") from error
        operation = {"type": kind, kind.lower(): {FIELDS[kind]: resources}}
        self._free(agent, operation)
        try:
            agent.available.convert(conversions(operation))
        except ResourceError as error:
            missing = formats.describe(error.args)
            raise Refusal(409, f"{formats.describe(agent.available)} does not contain {missing}") from error
        self._operations.apply(agent, operation)
        return http.accepted()

    def _free(self, agent: Agent, operation: Json) -> None:
        """Rescind offers until what is needed is free, or no offer is left that has any of it."""
        needed = Resources(consumed for consumed, _ in conversions(operation))
        for offer in list(agent.offers.values()):
            if agent.available.contains(needed):
                return
            if needed - offer.resources.unallocated() != needed:
                self._offers.rescind(offer)
                self._offers.refuse(
                    offer.framework, offer.role, agent, offer.resources, DEFAULT_REFUSE_SECONDS
                )

    def form_teardown(self, request: Request) -> Response:
        """``POST /teardown``."""
        return self.teardown(_field(http.read_form(request), "frameworkId"))

    def form_operation(self, kind: str) -> Callable[[Request], Response]:
        """Handler of ``POST /reserve`` and the like."""

        def handle(request: Request) -> Response:
            form = http.read_form(request)
            agent_id = _field(form, "slaveId")
            name = FIELDS[kind]
            return self.operate(kind, agent_id, _resources(name, _field(form, name)), request.principal)

        return handle


def _field(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise Refusal(400, f"Missing '{name}' query parameter in the request body")
    return form[name]


def _resources(name: str, text: str) -> list[Resource]:
    try:
        items = json.loads(text)
        if not isinstance(items, list):
            raise ValueError("a JSON array is expected")
        return [schema.parse("Resource", item) for item in items]
    except ValueError as error:
        raise Refusal(
            400, f"Error in parsing '{name}' query parameter in the request body: {error}"
        ) from error


def _check_reserve(agent: Agent, resources: list[Resource], principal: str | None) -> None:
    check_reserve(resources, principal, None)


def _check_unreserve(agent: Agent, resources: list[Resource], principal: str | None) -> None:
    check_unreserve(resources)


def _check_create(agent: Agent, resources: list[Resource], principal: str | None) -> None:
    check_create(resources, agent, principal, allocated=False)


def _check_destroy(agent: Agent, resources: list[Resource], principal: str | None) -> None:
    check_destroy(resources, agent)


_CHECKS: dict[str, Callable[[Agent, list[Resource], str | None], None]] = {
    "RESERVE": _check_reserve,
    "UNRESERVE": _check_unreserve,
    "CREATE": _check_create,
    "DESTROY": _check_destroy,
}
