"""Operations on the agent's resources: carried out, written down, and told of until that is acknowledged."""

from __future__ import annotations

import logging
import uuid
from base64 import b64encode
from typing import Any

from local.mesos.agent import volumes
from local.mesos.agent.agent import Agent
from local.mesos.agent.updates import UpdateStream
from local.mesos.resources import ResourceError, conversions

Json = dict[str, Any]

log = logging.getLogger(__name__)


class Operations:
    """Applies RESERVE, UNRESERVE, CREATE and DESTROY."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._streams: dict[str, UpdateStream] = {}

    def apply(self, command: Json) -> None:
        """APPLY: convert the resources, then tell, where somebody wants to know."""
        operation = command["operation"]
        try:
            changed = self._agent.resources.convert(conversions(operation))
        except ResourceError as error:
            log.error("%s does not fit what this agent has: %s", operation["type"], error)
            self._tell(command, "OPERATION_DROPPED", {"message": "The agent does not have these resources"})
            return
        self._change_volumes(operation)
        self._agent.resources = changed
        self._agent.checkpoints.keep_resources(list(changed))
        self._tell(command, "OPERATION_FINISHED", {})

    def _change_volumes(self, operation: Json) -> None:
        work_dir = self._agent.settings.work_dir
        for volume in operation.get("create", {}).get("volumes", []):
            volumes.create(work_dir, volume)
        for volume in operation.get("destroy", {}).get("volumes", []):
            volumes.destroy(work_dir, volume)

    def _tell(self, command: Json, state: str, others: Json) -> None:
        if "uuid" not in command:
            return
        status = {
            "operation_id": command["operation"].get("id"),
            "state": state,
            **others,
            "uuid": {"value": b64encode(uuid.uuid4().bytes).decode()},
            "agent_id": {"value": self._agent.agent_id},
        }
        known = {key: command[key] for key in ("framework_id", "uuid", "operation")}
        self._agent.operations[command["uuid"]] = {**known, "status": status}
        self._keep()
        self._follow(command["uuid"])

    def _follow(self, key: str) -> None:
        entry = self._agent.operations[key]
        told = {"type": "OPERATION", "framework_id": entry["framework_id"], "uuid": key}
        self._streams[key] = UpdateStream(
            lambda status: self._agent.link.report({**told, "status": status}), [entry["status"]]
        )

    def acknowledge(self, status_uuid: str) -> None:
        """The scheduler knows how an operation went."""
        for key, entry in list(self._agent.operations.items()):
            if entry["status"]["uuid"] == {"value": status_uuid}:
                self._forget(key)

    def stop(self, framework_id: str) -> None:
        """Tell no more: nobody is there to read it."""
        for key, entry in list(self._agent.operations.items()):
            if entry["framework_id"] == {"value": framework_id}:
                self._forget(key)

    def _forget(self, key: str) -> None:
        self._streams.pop(key).stop()
        del self._agent.operations[key]
        self._keep()

    def resend(self) -> None:
        """Tell at once what is not acknowledged."""
        for stream in self._streams.values():
            stream.resend()

    def _keep(self) -> None:
        self._agent.checkpoints.keep_operations(self._agent.operations)

    def recover(self) -> None:
        """Know again what was not acknowledged when the agent before this one died."""
        self._agent.operations = self._agent.checkpoints.operations
        for key in self._agent.operations:
            self._follow(key)
