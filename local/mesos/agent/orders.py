"""What the master orders, and how it is carried out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent

from local.mesos.agent.agent import Agent
from local.mesos.agent.container import POLL_SECONDS
from local.mesos.agent.executor import Executor, State, Task
from local.mesos.agent.executors import Executors
from local.mesos.agent.operations import Operations
from local.mesos.agent.status_updates import StatusUpdates
from local.mesos.resources import Resources

Json = dict[str, Any]

log = logging.getLogger(__name__)

UNKNOWN_RESOURCES = "The checkpointed resources being used by the task or task group are unknown to the agent"


class Orders:
    """Obeys the commands that ``link`` describes."""

    def __init__(
        self, agent: Agent, updates: StatusUpdates, executors: Executors, operations: Operations
    ) -> None:
        self._agent = agent
        self._updates = updates
        self._executors = executors
        self._operations = operations
        self._handlers: dict[str, Callable[[Json], None]] = {
            "REGISTERED": self._registered,
            "REMOVED": self._removed,
            "RUN": self._run,
            "KILL": self._kill,
            "SHUTDOWN_EXECUTOR": self._shut_down_executor,
            "SHUTDOWN_FRAMEWORK": self._shut_down_framework,
            "MESSAGE": self._message,
            "ACKNOWLEDGE": self._acknowledge,
            "ACKNOWLEDGE_OPERATION": lambda command: operations.acknowledge(command["uuid"]),
            "UPDATE_FRAMEWORK": self._update_framework,
            "APPLY": operations.apply,
        }

    def obey(self, command: Json) -> None:
        """Carry a command out."""
        self._handlers[command["type"]](command)

    def _registered(self, command: Json) -> None:
        agent_id = command["agent_id"]["value"]
        if agent_id != self._agent.agent_id:
            self._agent.agent_id = agent_id
            self._agent.checkpoints.keep_agent_id(agent_id)
        log.info("registered with the master as agent %s", agent_id)
        self._updates.resend()
        self._operations.resend()

    def _removed(self, command: Json) -> None:
        """The master will not have this agent back: it ends, and comes back as another one."""
        log.warning("given up by the master: %s", command.get("message"))
        for executor in self._agent.live_executors():
            executor.container.destroy()
        self._agent.checkpoints.forget_agent_id()
        self._agent.ended.set()

    def _update_framework(self, command: Json) -> None:
        """Its scheduler may just have come back: what it has not acknowledged need not wait for its turn."""
        info = command["framework_info"]
        framework_id = info["id"]["value"]
        if framework_id in self._agent.frameworks:
            self._agent.frameworks[framework_id] = info
        self._updates.resend(framework_id)
        self._operations.resend()

    def _run(self, command: Json) -> None:
        framework, task = command["framework_info"], command["task"]
        framework_id = framework["id"]["value"]
        info = task.get("executor") or _command_executor(framework_id, task)
        executor = self._agent.executors.get((framework_id, info["executor_id"]["value"]))
        if not self._knows_resources(task, info):
            self._updates.drop(framework_id, task, "REASON_RESOURCES_UNKNOWN", UNKNOWN_RESOURCES)
            return
        if executor is not None and executor.state not in (State.REGISTERING, State.RUNNING):
            reason, message = "REASON_EXECUTOR_TERMINATED", "The executor is terminating"
            self._updates.drop(framework_id, task, reason, message)
            return
        self._agent.frameworks[framework_id] = framework
        if executor is None:
            executor = self._executors.add(framework_id, info, command_task="executor" not in task)
        self._add_task(executor, task)
        if executor.state is State.RUNNING:
            self._executors.deliver(executor)

    def _knows_resources(self, task: Json, executor: Json) -> bool:
        """Whether the agent has the reservations and volumes that a task uses."""
        named = [*task.get("resources", []), *executor.get("resources", [])]
        reserved = Resources(r for r in named if r.get("reservations") or "disk" in r).unallocated()
        return self._agent.resources.contains(reserved)

    def _add_task(self, executor: Executor, info: Json) -> None:
        plain = {key: value for key, value in info.items() if key != "executor"}
        task = self._updates.new_task(executor.framework_id, plain, [])
        executor.tasks[task.id] = task
        self._agent.keep(executor)

    def _kill(self, command: Json) -> None:
        task_id = command["task_id"]["value"]
        executor = self._agent.executor_with(command["framework_id"]["value"], task_id)
        if executor is None:
            return
        task = executor.tasks[task_id]
        if not task.delivered:
            self._kill_undelivered(executor, task)
            return
        event: Json = {"task_id": command["task_id"]}
        if "kill_policy" in command:
            event["kill_policy"] = command["kill_policy"]
        executor.send({"type": "KILL", "kill": event})

    def _kill_undelivered(self, executor: Executor, task: Task) -> None:
        if task.ended:
            return
        message = "A kill was requested before the task was delivered to the executor"
        self._updates.make(executor, task, "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH", message)
        if all(other.ended for other in executor.tasks.values()):
            self._executors.shut_down(executor)

    def _shut_down_executor(self, command: Json) -> None:
        executor = self._executor(command)
        if executor is not None:
            self._executors.shut_down(executor)

    def _executor(self, command: Json) -> Executor | None:
        key = command["framework_id"]["value"], command["executor_id"]["value"]
        return self._agent.executors.get(key)

    def _shut_down_framework(self, command: Json) -> None:
        framework_id = command["framework_id"]["value"]
        if framework_id not in self._agent.frameworks:
            return
        self._agent.ending.add(framework_id)
        self._updates.stop(framework_id)
        self._operations.stop(framework_id)
        for executor in self._agent.executors_of(framework_id):
            self._executors.shut_down(executor)
            self._agent.settle(executor)
        self._agent.forget_ended(framework_id)

    def _message(self, command: Json) -> None:
        executor = self._executor(command)
        self._agent.counts[f"slave/{'invalid' if executor is None else 'valid'}_framework_messages"] += 1
        if executor is not None:
            executor.send({"type": "MESSAGE", "message": {"data": command["data"]}})

    def _acknowledge(self, command: Json) -> None:
        framework_id, task_id = command["framework_id"]["value"], command["task_id"]["value"]
        self._updates.acknowledge(framework_id, task_id, command["uuid"])

    def shut_down_cleanly(self) -> None:
        """Leave the master, end all executors, end. The id, reservations and volumes stay."""
        self._agent.link.report({"type": "UNREGISTER", "message": "the agent unregistered"})
        self._agent.link.stop()
        for executor in list(self._agent.live_executors()):
            self._executors.shut_down(executor)
        while any(True for _ in self._agent.live_executors()):
            gevent.sleep(POLL_SECONDS)
        self._agent.ended.set()


def _command_executor(framework_id: str, task: Json) -> Json:
    """The executor of a task with a command: one of Mesos' own, which runs it in a shell."""
    command = task["command"]
    return {
        "type": "DEFAULT",
        "executor_id": task["task_id"],
        "framework_id": {"value": framework_id},
        "command": {"uris": command.get("uris", []), "environment": command.get("environment", {})},
        "resources": [],
        "name": f"Command Executor (Task: {task['task_id']['value']})",
    }
