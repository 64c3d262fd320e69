"""Status updates of tasks: the executors' and the agent's own, written down, passed on, repeated."""

from __future__ import annotations

from typing import Any

from local.mesos import schema
from local.mesos.agent import volumes
from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import Executor, Task, new_status
from local.mesos.agent.updates import UpdateStream
from local.mesos.enums import TERMINAL_STATES

Json = dict[str, Any]


class StatusUpdates:
    """Makes tasks, whose updates go to the master in order, and takes what becomes of them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._strays: dict[tuple[str, str], UpdateStream] = {}
        """Updates of tasks that this agent does not know (any more), by framework and task id."""

    def new_task(self, framework_id: str, info: Json, pending: list[Json]) -> Task:
        """A task, with the updates that nobody has acknowledged yet."""

        def send(status: Json) -> None:
            self._send(framework_id, status, task.state)

        task = Task(info, UpdateStream(send, pending))
        return task

    def _send(self, framework_id: str, status: Json, latest_state: str) -> None:
        self._agent.link.report(
            {
                "type": "UPDATE",
                "framework_id": {"value": framework_id},
                "status": status,
                "latest_state": latest_state,
            }
        )

    def take(self, executor: Executor, status: Json) -> None:
        """An executor's status update: written down, passed on, acknowledged to the executor."""
        task = executor.tasks.get(status["task_id"]["value"])
        self._agent.counts[f"slave/{'invalid' if task is None else 'valid'}_status_updates"] += 1
        seen = schema.ordered("TaskStatus", {**status, **self._container_status(executor)})
        if task is None:
            self._pass_on(executor.framework_id, seen)
        elif all(status["uuid"] != known["uuid"] for known in task.statuses):
            self._record(executor, task, seen)
        acknowledged = {"task_id": status["task_id"], "uuid": status["uuid"]}
        executor.send({"type": "ACKNOWLEDGED", "acknowledged": acknowledged})

    def _container_status(self, executor: Executor) -> Json:
        address = {"protocol": "IPv4", "ip_address": self._agent.settings.ip}
        return {
            "agent_id": {"value": self._agent.agent_id},
            "container_status": {
                "container_id": {"value": executor.container.id},
                "network_infos": [{"ip_addresses": [address]}],
                "executor_pid": executor.container.pid,
            },
        }

    def _pass_on(self, framework_id: str, status: Json) -> None:
        """An update of a task that is not known, or has been forgotten: its scheduler may know better."""

        def send(status: Json) -> None:
            self._send(framework_id, status, status["state"])

        key = framework_id, status["task_id"]["value"]
        stream = self._strays.setdefault(key, UpdateStream(send, []))
        if all(status["uuid"] != known["uuid"] for known in stream.pending):
            stream.add(status)

    def make(self, executor: Executor, task: Task, state: str, reason: str, message: str) -> None:
        """A status update of the agent's own."""
        named = None if state == "TASK_DROPPED" else executor.id
        agent_id = self._agent.agent_id or ""
        self._record(executor, task, new_status(task.id, agent_id, named, state, reason, message))

    def drop(self, framework_id: str, task: Json, reason: str, message: str) -> None:
        """Tell that a task is not started at all. Not repeated: the agent does not know the task."""
        task_id, agent_id = task["task_id"]["value"], self._agent.agent_id or ""
        status = new_status(task_id, agent_id, None, "TASK_DROPPED", reason, message)
        self._send(framework_id, status, "TASK_DROPPED")

    def _record(self, executor: Executor, task: Task, status: Json) -> None:
        if not task.ended:
            task.state = status["state"]
            if task.ended:
                self._agent.counts[f"slave/{task.state.lower().replace('task_', 'tasks_')}"] += 1
        task.statuses.append(status)
        if status["state"] in TERMINAL_STATES:
            volumes.unlink(executor.sandbox, task.info.get("resources", []))
        if executor.framework_id not in self._agent.ending:
            task.updates.add(status)
        self._agent.keep(executor)

    def acknowledge(self, framework_id: str, task_id: str, uuid: str) -> None:
        """The scheduler has an update. A task that has ended is forgotten with the last one."""
        executor = self._agent.executor_with(framework_id, task_id)
        if executor is None:
            self._acknowledge_stray((framework_id, task_id), uuid)
            return
        if not executor.tasks[task_id].updates.acknowledge(uuid):
            return
        if executor.tasks[task_id].ended and not executor.tasks[task_id].updates.pending:
            executor.completed_tasks.append(executor.tasks.pop(task_id))
        self._agent.settle(executor)

    def _acknowledge_stray(self, key: tuple[str, str], uuid: str) -> None:
        stream = self._strays.get(key)
        if stream is not None and stream.acknowledge(uuid) and not stream.pending:
            del self._strays[key]

    def resend(self, framework_id: str | None = None) -> None:
        """Send what is not acknowledged at once: of all frameworks, or of one."""
        for executor in self._agent.executors.values():
            if framework_id in (None, executor.framework_id):
                for task in executor.tasks.values():
                    task.updates.resend()

    def stop(self, framework_id: str) -> None:
        """Send no more: nobody is there to read it."""
        for key in [key for key in self._strays if key[0] == framework_id]:
            self._strays.pop(key).stop()
        for executor in self._agent.executors_of(framework_id):
            for task in executor.tasks.values():
                task.updates.stop()
