"""``POST /api/v1/executor``: what executors call."""

from __future__ import annotations

from typing import Any

from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import Executor, State
from local.mesos.agent.executors import Executors
from local.mesos.agent.recovery import Recovery
from local.mesos.agent.status_updates import StatusUpdates
from local.mesos.http import (
    Refusal,
    Request,
    Response,
    Stream,
    accepted,
    only,
    read_call,
    require_json_accepted,
)
from local.mesos.stream import EventStream
from local.mesos.validation import Invalid, check_uuid

Json = dict[str, Any]


class ExecutorApi:
    """Checks a call and hands it to the agent."""

    def __init__(
        self, agent: Agent, updates: StatusUpdates, executors: Executors, recovery: Recovery
    ) -> None:
        self._agent = agent
        self._updates = updates
        self._executors = executors
        self._recovery = recovery
        self.handle = only("POST")(self._handle)

    def _handle(self, request: Request) -> Response | Stream:
        call = read_call(request, "executor.Call")
        kind = call.get("type")
        self._check(call, kind)
        if kind != "SUBSCRIBE" and self._agent.recovering:
            raise Refusal(503, "Agent has not finished recovery")
        if kind == "SUBSCRIBE":
            require_json_accepted(request)
            return self._subscribe(self._executor(call), call["subscribe"])
        executor = self._executor(call)
        if executor.stream is None:
            raise Refusal(403, "Executor is not subscribed")
        if kind == "UPDATE":
            self._updates.take(executor, call["update"]["status"])
        elif kind == "MESSAGE":
            self._message(executor, call["message"]["data"])
        return accepted()

    def _check(self, call: Json, kind: str | None) -> None:
        if kind is None:
            raise Refusal(400, "Failed to validate executor::Call: Expecting 'type' to be present")
        wanted = {"SUBSCRIBE": "subscribe", "UPDATE": "update", "MESSAGE": "message"}.get(kind)
        if wanted is not None and wanted not in call:
            raise Refusal(400, f"Failed to validate executor::Call: Expecting '{wanted}' to be present")
        if kind == "UPDATE":
            self._check_update(call)

    def _check_update(self, call: Json) -> None:
        status = call["update"]["status"]
        prefix = "Failed to validate executor::Call: "
        if "uuid" not in status:
            raise Refusal(400, prefix + "Expecting 'uuid' to be present")
        try:
            check_uuid(status["uuid"])
        except Invalid as error:
            raise Refusal(400, f"{prefix}{error}") from error
        if status.get("executor_id", call["executor_id"]) != call["executor_id"]:
            raise Refusal(400, prefix + "ExecutorID in Call does not match ExecutorID in TaskStatus")
        if status.get("source") != "SOURCE_EXECUTOR":
            raise Refusal(400, prefix + "Received Call with invalid TaskStatus source")
        if status["state"] == "TASK_STAGING":
            raise Refusal(400, prefix + "Received TASK_STAGING from executor which is not allowed")

    def _executor(self, call: Json) -> Executor:
        framework_id, executor_id = call["framework_id"]["value"], call["executor_id"]["value"]
        if framework_id not in self._agent.frameworks:
            raise Refusal(400, "Framework cannot be found")
        executor = self._agent.executors.get((framework_id, executor_id))
        if executor is None or executor.state is State.TERMINATED:
            raise Refusal(400, "Executor cannot be found")
        return executor

    def _subscribe(self, executor: Executor, body: Json) -> EventStream:
        def gone() -> None:
            if executor.stream is stream:
                executor.stream = None

        stream = EventStream(gone)
        recovering = self._agent.recovering
        self._executors.subscribed(executor, stream)
        for update in body.get("unacknowledged_updates", []):
            self._updates.take(executor, update["status"])
        if recovering:
            known = {task["task_id"]["value"] for task in body.get("unacknowledged_tasks", [])}
            self._recovery.drop_unknown(executor, known)
        return stream

    def _message(self, executor: Executor, data: str) -> None:
        self._agent.link.report(
            {
                "type": "MESSAGE",
                "framework_id": {"value": executor.framework_id},
                "executor_id": {"value": executor.id},
                "data": data,
            }
        )
