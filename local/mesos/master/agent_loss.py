"""Agents that do not answer, leave, or are given up, and what that means for all that was on them."""

from __future__ import annotations

import logging
import time
from http.client import HTTPConnection, HTTPException

import gevent

from local.mesos.master import statuses
from local.mesos.master.model import Agent, Framework, Task
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.stream import EventStream

log = logging.getLogger(__name__)

GONE = "Agent has been marked gone"


class AgentLoss:
    """Watches agents, and lets them go."""

    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations
        self._ping_timeout = state.flags.seconds("agent_ping_timeout")
        self._max_missed_pings = state.flags.number("max_agent_ping_timeouts")

    @property
    def silence(self) -> float:
        """After how many seconds without an answer an agent is lost."""
        return self._ping_timeout * self._max_missed_pings

    def observe(self, agent: Agent) -> None:
        """Ping an agent until it is removed; give it up when too many pings were missed."""
        while self._state.agents.get(agent.id) is agent:
            agent.missed_pings += 1
            agent.send("PING")
            gevent.sleep(self._ping_timeout)
            if not agent.connected and _is_up(agent, self._ping_timeout):
                agent.missed_pings = 0
            if agent.missed_pings >= self._max_missed_pings and self._state.agents.get(agent.id) is agent:
                self._lose(agent)

    def ended(self, stream: EventStream) -> None:
        """The line to an agent is down."""
        for agent in list(self._state.agents.values()):
            if agent.link is stream:
                self._disconnect(agent)

    def _disconnect(self, agent: Agent) -> None:
        """The line is down. Only frameworks that do not checkpoint lose their tasks at once."""
        log.warning("agent %s is disconnected", agent)
        agent.link = None
        self._offers.rescind_all(agent.offers.values())
        for framework_id in list(dict.fromkeys([*agent.tasks, *agent.executors])):
            framework = self._state.frameworks[framework_id]
            if not framework.info["checkpoint"]:
                self._lose_framework(agent, framework)

    def _lose_framework(self, agent: Agent, framework: Framework) -> None:
        text = f"Agent {agent.hostname} disconnected"
        for task in list(agent.tasks.get(framework.id, {}).values()):
            status = statuses.of_task(task, "TASK_LOST", "REASON_AGENT_DISCONNECTED", text)
            self._tasks.end(framework, agent, task, status)
        for executor_id in list(agent.executors.get(framework.id, {})):
            self._tasks.remove_executor(agent, framework.id, executor_id)

    def _lose(self, agent: Agent) -> None:
        """The agent does not answer: its tasks are unreachable, and may come back with it."""
        log.warning("agent %s is unreachable: health check timed out", agent)
        when = time.time()
        self._state.registry.mark_unreachable(agent.id, when)
        for name in ("slave_unreachable_scheduled", "slave_unreachable_completed"):
            self._state.counts[name] += 1
        self._state.counts["slave_removals/reason_unhealthy"] += 1
        for task in tasks_of(agent):
            framework = self._state.frameworks[task.framework_id]
            state = statuses.seen_by(framework, "TASK_UNREACHABLE")
            since = {"unreachable_time": statuses.time_info(when)}
            status = statuses.of_task(task, state, "REASON_AGENT_REMOVED", "health check timed out", since)
            self._tasks.note(framework, task, status, state)
            self._tasks.remove(framework, agent, task, unreachable=True)
            self._tasks.tell(framework, status)
        self._give_up_operations(agent, "OPERATION_UNREACHABLE", "Agent is unreachable")
        self._forget(agent)

    def remove(self, agent: Agent, cause: str) -> None:
        """The agent has left for good, or another has taken its place: its tasks are lost."""
        log.warning("removing agent %s: %s", agent, cause)
        self._state.registry.remove(agent.id)
        text = f"Agent {agent.hostname} removed: {cause}"
        for task in tasks_of(agent):
            framework = self._state.frameworks[task.framework_id]
            status = statuses.of_task(task, "TASK_LOST", "REASON_AGENT_REMOVED", text)
            self._tasks.end(framework, agent, task, status)
        self._forget(agent)

    def mark_gone(self, agent_id: str) -> None:
        """An operator says that an agent will never come back; it is told so if it is there."""
        self._state.registry.mark_gone(agent_id, time.time())
        self._state.recovered.pop(agent_id, None)
        agent = self._state.agents.get(agent_id)
        if agent is None:
            return
        for task in tasks_of(agent):
            framework = self._state.frameworks[task.framework_id]
            aware = framework.can("PARTITION_AWARE")
            reason = "REASON_AGENT_REMOVED_BY_OPERATOR" if aware else "REASON_AGENT_REMOVED"
            state = statuses.seen_by(framework, "TASK_GONE_BY_OPERATOR")
            self._tasks.end(framework, agent, task, statuses.of_task(task, state, reason, GONE))
        self._give_up_operations(agent, "OPERATION_GONE_BY_OPERATOR", GONE)
        agent.send("REMOVED", message=GONE)
        self._forget(agent)

    def _give_up_operations(self, agent: Agent, state: str, message: str) -> None:
        for operation in list(agent.operations.values()):
            self._operations.give_up(operation, state, message)

    def _forget(self, agent: Agent) -> None:
        """The agent is no longer among the registered ones: executors, offers and operations go with it."""
        for framework_id, executors in list(agent.executors.items()):
            for executor_id in list(executors):
                self._tasks.remove_executor(agent, framework_id, executor_id)
        self._offers.rescind_all(agent.offers.values())
        for operation in list(agent.operations.values()):
            self._operations.remove(operation)
        self._offers.allocator.forget_agent(agent)
        del self._state.agents[agent.id]
        self._state.counts["slave_removals"] += 1
        link, agent.link = agent.link, None
        if link is not None:
            link.close()
        for framework in self._state.frameworks.values():
            framework.send("FAILURE", {"agent_id": {"value": agent.id}})


def _is_up(agent: Agent, timeout: float) -> bool:
    """Whether the process of a disconnected agent answers: it may be recovering, and will register then."""
    connection = HTTPConnection(agent.ip, agent.port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def tasks_of(agent: Agent) -> list[Task]:
    """All tasks on an agent."""
    return [task for tasks in agent.tasks.values() for task in tasks.values()]
