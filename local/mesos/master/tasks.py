"""The life of tasks and executors as the master sees it: launch, updates, acknowledgements, kill, end."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

from local.mesos.enums import TERMINAL_STATES
from local.mesos.master import statuses
from local.mesos.master.model import Agent, Framework, Json, Task
from local.mesos.master.offers import Offers
from local.mesos.master.state import State
from local.mesos.resources import Resources

log = logging.getLogger(__name__)


class Tasks:
    """Changes the tasks and executors of frameworks and agents, and tells both sides."""

    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers
        self._killed: dict[str, set[tuple[str, str]]] = defaultdict(set)
        """By agent: framework and task ids to be killed when it is back."""

    def launch(self, framework: Framework, agent: Agent, info: Json) -> Resources:
        """Hand a valid task to its agent. Returns what it takes, with its executor if that is new."""
        taken = Resources(info["resources"])
        executor = info.get("executor")
        if executor and self.add_executor(framework.id, agent, executor):
            taken += executor.get("resources", [])
        self.add(framework, agent, Task(info, framework.id, agent.id))
        agent.send("RUN", framework_info=framework.info, task=info)
        return taken

    def add(self, framework: Framework, agent: Agent, task: Task) -> None:
        """Know a task from now on."""
        framework.tasks[task.id] = task
        agent.tasks.setdefault(framework.id, {})[task.id] = task

    def add_executor(self, framework_id: str, agent: Agent, info: Json) -> bool:
        """Know an executor from now on. Whether it is new."""
        executors = agent.executors.setdefault(framework_id, {})
        executor_id = info["executor_id"]["value"]
        if executor_id in executors:
            return False
        executors[executor_id] = info
        return True

    def tell(self, framework: Framework, status: Json) -> None:
        """Send a status to the scheduler; dropped when it is not there."""
        framework.send("UPDATE", {"status": status})

    def reject(self, framework: Framework, status: Json) -> None:
        """Tell the scheduler that a task was not even launched."""
        self._count(framework, status)
        self.tell(framework, status)

    def update(self, agent: Agent, framework: Framework, status: Json, latest_state: str) -> None:
        """A status from an agent: forward it, then see what it means."""
        self.tell(framework, status)
        task = agent.tasks.get(framework.id, {}).get(status["task_id"]["value"])
        if task is None:
            self._state.counts["invalid_status_updates"] += 1
            log.warning("a status of task %s, which is not known", status["task_id"]["value"])
            return
        self._state.counts["valid_status_updates"] += 1
        self.note(framework, task, status, latest_state)
        task.forwarded_state, task.forwarded_uuid = status["state"], status.get("uuid")

    def note(self, framework: Framework, task: Task, status: Json, latest_state: str) -> None:
        """Keep what a status says about a task. The end of a task frees its resources."""
        if not task.is_terminal:
            task.state = latest_state
            if task.is_terminal or task.state == "TASK_UNREACHABLE":
                self._count(framework, status)
                self._offers.changed()
        task.record(status)

    def acknowledge(self, framework: Framework, agent_id: str, task_id: str, uuid: str) -> None:
        """The scheduler has a status. Ignored where it does not fit."""
        agent = self._state.agents.get(agent_id)
        if agent is None or not agent.connected:
            self._state.counts["invalid_status_update_acknowledgements"] += 1
            return
        task = agent.tasks.get(framework.id, {}).get(task_id)
        if task is not None and task.forwarded_uuid == uuid and task.forwarded_state in TERMINAL_STATES:
            self.remove(framework, agent, task)
        self._state.counts["valid_status_update_acknowledgements"] += 1
        ids = {"framework_id": framework.info["id"], "task_id": {"value": task_id}}
        agent.send("ACKNOWLEDGE", **ids, uuid=uuid)

    def kill(self, framework: Framework, task: Task, agent_id: str | None, policy: Json | None) -> None:
        """Have a known task killed, now or when its agent is back. A wrong agent id: nothing happens."""
        if agent_id not in (None, task.agent_id):
            log.warning("kill of task %s names agent %s, but it is on %s", task.id, agent_id, task.agent_id)
            return
        agent = self._state.agents[task.agent_id]
        if not agent.connected:
            self._killed[agent.id].add((framework.id, task.id))
            return
        policy_field = {} if policy is None else {"kill_policy": policy}
        agent.send("KILL", framework_id=framework.info["id"], task_id=task.info["task_id"], **policy_field)

    def kill_late(self, agent: Agent) -> None:
        """The agent is back: kill what was to be killed meanwhile and still lives."""
        for framework_id, task_id in self._killed.pop(agent.id, set()):
            task = agent.tasks.get(framework_id, {}).get(task_id)
            if task is not None and not task.is_terminal:
                agent.send("KILL", framework_id={"value": framework_id}, task_id={"value": task_id})

    def end(self, framework: Framework, agent: Agent, task: Task, status: Json) -> None:
        """The master itself has to give a task up: note it, forget the task, tell the scheduler."""
        self.note(framework, task, status, status["state"])
        self.remove(framework, agent, task)
        self.tell(framework, status)

    def remove(self, framework: Framework, agent: Agent, task: Task, *, unreachable: bool = False) -> None:
        """Forget a task, but for the lists of those that are over or out of reach."""
        framework.tasks.pop(task.id, None)
        self._drop(agent.tasks, framework.id, task.id)
        if unreachable:
            framework.unreachable_tasks[task.id] = task
        else:
            framework.completed_tasks.append(task)
        self._offers.changed()

    def executor_exited(self, agent: Agent, framework_id: str, executor_id: str, status: int) -> None:
        """An executor has ended; ``status`` is the word that wait returned."""
        if not self.remove_executor(agent, framework_id, executor_id):
            log.warning("executor %s of framework %s was not known", executor_id, framework_id)
            return
        if framework := self._state.frameworks.get(framework_id):
            ids = {"agent_id": {"value": agent.id}, "executor_id": {"value": executor_id}}
            framework.send("FAILURE", {**ids, "status": status})

    def remove_executor(self, agent: Agent, framework_id: str, executor_id: str) -> bool:
        """Forget an executor. Whether it was known."""
        known = executor_id in agent.executors.get(framework_id, {})
        self._drop(agent.executors, framework_id, executor_id)
        self._offers.changed()
        return known

    def _count(self, framework: Framework, status: Json) -> None:
        state = status["state"].lower()
        if status["state"] in TERMINAL_STATES:
            framework.counts[f"tasks/terminal/{state}"] += 1
            self._state.counts[f"tasks_{state.removeprefix('task_')}"] += 1
            self._count_reason(state, status)

    def _count_reason(self, state: str, status: Json) -> None:
        source = status.get("source", "").lower()
        if "reason" in status:
            self._state.counts[f"{state}/{source}/{status['reason'].lower()}"] += 1

    def _drop(self, by_framework: dict[str, dict[str, Any]], framework_id: str, key: str) -> None:
        entries = by_framework.get(framework_id, {})
        entries.pop(key, None)
        if not entries:
            by_framework.pop(framework_id, None)


def rejected(framework: Framework, info: Json, state: str, reason: str, message: str) -> Json:
    """The status of a TaskInfo that is not launched."""
    agent_id = info["agent_id"]["value"]
    return statuses.task_status(
        info["task_id"]["value"], statuses.seen_by(framework, state), reason, message, agent_id=agent_id
    )
