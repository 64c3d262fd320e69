"""Operations on an agent's resources: carried out in the master's books at once, then by the agent.

Only operations with an id are followed up: the agent tells how they went, until the scheduler has
acknowledged it.
"""

from __future__ import annotations

import base64
import uuid

from local.mesos.master.model import Agent, Framework, Json, Operation
from local.mesos.master.offers import Offers
from local.mesos.master.state import State
from local.mesos.master.statuses import operation_status
from local.mesos.resources import Resources, conversions


class Operations:
    """Applies operations, and passes on what becomes of them."""

    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers

    def apply(self, agent: Agent, operation: Json, framework: Framework | None = None) -> None:
        """Convert an agent's resources by a valid operation, and have the agent do the same."""
        plain = unallocated(operation)
        agent.total = agent.total.convert(conversions(plain))
        self._offers.changed()
        fields: Json = {}
        if framework is not None:
            fields["framework_id"] = framework.info["id"]
            if "id" in operation:
                fields["uuid"] = self._follow(agent, framework, operation)
        agent.send("APPLY", operation=plain, **fields)

    def _follow(self, agent: Agent, framework: Framework, operation: Json) -> str:
        key = base64.b64encode(uuid.uuid4().bytes).decode()
        status = operation_status(
            "OPERATION_PENDING", operation_id=operation["id"]["value"], agent_id=agent.id
        )
        self.add(Operation(key, operation, framework.id, agent.id, status))
        self._state.counts[f"operations/{operation['type'].lower()}/total"] += 1
        return key

    def add(self, operation: Operation) -> None:
        """Know an operation from now on."""
        self._state.agents[operation.agent_id].operations[operation.uuid] = operation
        framework = self._state.frameworks.get(operation.framework_id or "")
        if framework is not None and operation.id is not None:
            framework.operations[operation.id] = operation

    def drop(self, framework: Framework, operation: Json, message: str) -> None:
        """Do not carry out an operation; the scheduler is told if the operation has an id."""
        if "id" in operation:
            self._state.counts[f"operations/{operation['type'].lower()}/error"] += 1
            operation_id = operation["id"]["value"]
            self.tell(
                framework, operation_status("OPERATION_ERROR", operation_id=operation_id, message=message)
            )

    def tell(self, framework: Framework, status: Json) -> None:
        """Send an operation's status to the scheduler."""
        framework.send("UPDATE_OPERATION_STATUS", {"status": status})

    def update(self, agent: Agent, framework: Framework, key: str, status: Json) -> None:
        """An agent's word on an operation: forward it."""
        operation = agent.operations.get(key)
        if operation is None:
            self._state.counts["invalid_operation_status_updates"] += 1
            return
        self._state.counts["valid_operation_status_updates"] += 1
        if operation.status["state"] == "OPERATION_PENDING":
            outcome = status["state"].lower().removeprefix("operation_")
            self._state.counts[f"operations/{operation.info['type'].lower()}/{outcome}"] += 1
        operation.status = status
        self.tell(framework, status)

    def acknowledge(self, framework: Framework, agent_id: str, operation_id: str, status_uuid: str) -> None:
        """The scheduler knows how an operation went. Ignored where it does not fit."""
        operation = framework.operations.get(operation_id)
        agent = self._state.agents.get(agent_id)
        told = operation.status.get("uuid") if operation is not None else None
        if agent is None or operation is None or told != {"value": status_uuid}:
            self._state.counts["invalid_operation_status_update_acknowledgements"] += 1
            return
        self._state.counts["valid_operation_status_update_acknowledgements"] += 1
        self.remove(operation)
        agent.send("ACKNOWLEDGE_OPERATION", uuid=status_uuid)

    def give_up(self, operation: Operation, state: str, message: str) -> None:
        """The agent will not tell how an operation went: tell the scheduler so, and forget it."""
        self.remove(operation)
        framework = self._state.frameworks.get(operation.framework_id or "")
        if framework is not None:
            ids = {"operation_id": operation.id, "agent_id": operation.agent_id}
            self.tell(framework, operation_status(state, message=message, **ids))

    def remove(self, operation: Operation) -> None:
        """Forget an operation."""
        if agent := self._state.agents.get(operation.agent_id):
            agent.operations.pop(operation.uuid, None)
        framework = self._state.frameworks.get(operation.framework_id or "")
        if framework is not None and operation.id is not None:
            framework.operations.pop(operation.id, None)


def unallocated(operation: Json) -> Json:
    """An operation whose resources do not say to whom they are allocated."""
    name = operation["type"].lower()
    body = {key: list(Resources(resources).unallocated()) for key, resources in operation[name].items()}
    return {**operation, name: body}
