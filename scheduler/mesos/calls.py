"""The calls of the v1 scheduler API: pymesos' where they are right, our own where they are not."""

from __future__ import annotations

import logging
from abc import abstractmethod
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from pymesos import MesosSchedulerDriver

from scheduler.mesos.convert import Json, duration_json

logging.getLogger("pymesos").handlers.clear()  # it adds one on import, and every line would come twice

CAPABILITIES = ("MULTI_ROLE", "RESERVATION_REFINEMENT", "PARTITION_AWARE", "TASK_KILLING_STATE")


@dataclass(frozen=True)
class Framework:
    """Who we are to Mesos. ``framework_id`` is None only where we never were registered before.

    ``secret`` is the principal's, for HTTP Basic authentication; None where the master asks for none.
    """

    name: str
    user: str
    principal: str
    role: str
    failover_timeout_seconds: float
    framework_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    webui_url: str | None = None

    @property
    def info(self) -> dict[str, Any]:
        """The FrameworkInfo. Mesos keeps the first user and checkpoint flag for ever, so they never vary."""
        info: dict[str, Any] = {
            "name": self.name,
            "user": self.user,
            "principal": self.principal,
            "roles": [self.role],
            "checkpoint": True,
            "failover_timeout": self.failover_timeout_seconds,
            "capabilities": [{"type": capability} for capability in CAPABILITIES],
        }
        if self.framework_id is not None:
            info["id"] = {"value": self.framework_id}
        if self.webui_url is not None:
            info["webui_url"] = self.webui_url
        return info

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who we are, where there is a secret to say it with."""
        if self.secret is None:
            return {}
        credential = b64encode(f"{self.principal}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {credential}"}


class Calls(MesosSchedulerDriver):  # type: ignore[misc]  # pymesos has no types
    """Builds calls; how they are sent is up to ``_send``.

    Replaced are those which pymesos builds wrongly or without what matters: an operation's
    acknowledgement, agent ids and grace periods.
    """

    def __init__(self, framework: Framework) -> None:
        # No master and no scheduler: the subclass subscribes, and handles the events itself. With
        # failover, whatever happens, pymesos never sends TEARDOWN of its own accord.
        super().__init__(None, framework.info, "", implicit_acknowledgements=False, failover=True)

    @property
    def framework(self) -> dict[str, Any]:
        """The FrameworkInfo as given; pymesos' own adds capabilities and a failover timeout."""
        return dict(self._framework)

    @property
    def connected(self) -> bool:
        """Always true: pymesos' builders drop a call silently when it is not, ``_send`` raises."""
        return True

    @abstractmethod
    def _send(self, body: Json) -> None:
        """Send a call."""

    def killTask(self, task_id: Json, agent_id: Json, grace_seconds: float) -> None:  # noqa: N802  pymesos'
        """KILL, with the grace period. The agent's id is what an unknown task is reconciled with."""
        policy = {"grace_period": duration_json(grace_seconds)}
        self._call("KILL", {"task_id": task_id, "agent_id": agent_id, "kill_policy": policy})

    def reconcileTasks(self, tasks: list[Json]) -> None:  # noqa: N802  pymesos'
        """RECONCILE. Without agent ids, tasks on agents out of reach would be answered as unknown."""
        self._call("RECONCILE", {"tasks": tasks})

    def shutdownExecutor(self, executor_id: Json, agent_id: Json) -> None:  # noqa: N802  as pymesos'
        """SHUTDOWN, which pymesos does not have."""
        self._call("SHUTDOWN", {"executor_id": executor_id, "agent_id": agent_id})

    def acknowledgeOperationStatusUpdate(self, status: Json) -> None:  # noqa: N802  pymesos'
        """ACKNOWLEDGE_OPERATION_STATUS: the uuid is an object in the event and plain text here."""
        acknowledgement = {
            "operation_id": status["operation_id"],
            "agent_id": status["agent_id"],
            "uuid": status["uuid"]["value"],
        }
        self._call("ACKNOWLEDGE_OPERATION_STATUS", acknowledgement)

    def _call(self, kind: str, content: Json) -> None:
        self._send({"type": kind, "framework_id": {"value": self.framework_id}, kind.lower(): content})
