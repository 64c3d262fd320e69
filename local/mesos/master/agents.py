"""Agents: registration, what they bring along, pings, disconnection, loss and return."""

from __future__ import annotations

import logging
import time
from http.client import HTTPConnection, HTTPException

import gevent

from local.mesos import formats
from local.mesos.master import statuses
from local.mesos.master.model import Agent, Framework, Json, Operation, Task
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.reconcile import seen_in_container
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.resources import Resources
from local.mesos.stream import EventStream

log = logging.getLogger(__name__)

GONE = "Agent has been marked gone"


class Agents:
    """Lets agents in and out."""

    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations
        self._ping_timeout = state.flags.seconds("agent_ping_timeout")
        self._max_missed_pings = state.flags.number("max_agent_ping_timeouts")

    def recover(self) -> None:
        """After the registry was read: give the agents in it time to come back."""
        self._state.recovered = dict(self._state.registry.admitted)
        gevent.spawn_later(self._state.flags.seconds("agent_reregister_timeout"), self._give_up_recovered)

    def _give_up_recovered(self) -> None:
        for agent_id in list(self._state.recovered):
            log.warning("agent %s did not come back to this master in time", agent_id)
            del self._state.recovered[agent_id]
            self._state.registry.mark_unreachable(agent_id, time.time())
            self._state.counts["recovery_slave_removals"] += 1

    # Registration.

    def register(self, registration: Json) -> EventStream:
        """The command stream of an agent that registers, for the first time or again."""
        agent_id = registration.get("agent_id", {}).get("value")
        self._state.counts[f"messages_{'register' if agent_id is None else 'reregister'}_slave"] += 1
        self._state.counts["messages_update_slave"] += 1
        stream = EventStream(lambda: self._ended(stream))
        if agent_id in self._state.registry.gone:
            log.warning("refusing agent %s, which was marked gone", agent_id)
            stream.send({"type": "REMOVED", "message": GONE})
            stream.close()
            return stream
        agent = self._state.agents.get(agent_id or "")
        if agent is not None:
            self._reconnect(agent, registration, stream)
        else:
            self._remove_predecessor(registration)
            agent = self._admit(agent_id, registration, stream)
        self._tasks.kill_late(agent)
        self._end_completed(agent, registration)
        self._tell_of_frameworks(agent)
        self._offers.hurry()
        return stream

    def _admit(self, agent_id: str | None, registration: Json, stream: EventStream) -> Agent:
        """Take in an agent that is new to this master."""
        known = agent_id is not None
        if agent_id is None:
            agent_id = self._state.next_agent_id()
        message = self._message_on_return(agent_id)
        self._state.recovered.pop(agent_id, None)
        agent = _agent(agent_id, registration, stream)
        self._state.agents[agent_id] = agent
        self._state.registry.admit(agent_id, agent.info)
        self._welcome(agent)
        self._recover_frameworks(registration)
        self._recover(agent, registration, message)
        self._forget_unreachable(agent)
        if known:
            agent.reregistered_time = time.time()
        self._state.counts["slave_reregistrations" if known else "slave_registrations"] += 1
        gevent.spawn(self._observe, agent)
        log.info("agent %s is registered", agent)
        return agent

    def _message_on_return(self, agent_id: str) -> str | None:
        """What schedulers are told of the tasks of a returning agent; None if they need not be told."""
        if agent_id in self._state.recovered:
            return None
        if agent_id in self._state.registry.unreachable:
            return "Unreachable agent re-reregistered"
        return "Unknown agent reregistered"

    def _reconnect(self, agent: Agent, registration: Json, stream: EventStream) -> None:
        """An agent that this master knows is back after a break of the line or a restart."""
        old, agent.link = agent.link, stream
        if old is not None:
            old.close()
        self._offers.rescind_all(agent.offers.values())
        agent.info = {**registration["agent_info"], "id": {"value": agent.id}}
        agent.version = registration["version"]
        agent.total = Resources(registration["resources"])
        agent.reregistered_time = time.time()
        agent.missed_pings = 0
        self._welcome(agent)
        self._compare(agent, registration)
        self._state.counts["slave_reregistrations"] += 1
        log.info("agent %s is registered again", agent)

    def _welcome(self, agent: Agent) -> None:
        silence = self._ping_timeout * self._max_missed_pings
        agent.send("REGISTERED", agent_id={"value": agent.id}, ping_timeout_seconds=silence)

    def _compare(self, agent: Agent, registration: Json) -> None:
        """Give up what the agent has lost: launches that did not reach it, executors that are over."""
        executors = {_key(item, item["executor_info"]["executor_id"]) for item in registration["executors"]}
        tasks = {_key(item, item["task"]["task_id"]) for item in registration["tasks"]}
        for framework_id, known in list(agent.executors.items()):
            for executor_id in list(known):
                if (framework_id, executor_id) not in executors:
                    self._tasks.remove_executor(agent, framework_id, executor_id)
        for task in _tasks_of(agent):
            if (task.framework_id, task.id) not in tasks:
                self._drop_lost(agent, task)

    def _drop_lost(self, agent: Agent, task: Task) -> None:
        framework = self._state.frameworks[task.framework_id]
        state = statuses.seen_by(framework, "TASK_DROPPED")
        text = "Reconciliation: task unknown to the agent"
        self._tasks.end(framework, agent, task, statuses.of_task(task, state, "REASON_RECONCILIATION", text))

    def _recover_frameworks(self, registration: Json) -> None:
        """Know the frameworks that an agent works for, though their schedulers are not here (yet)."""
        for info in registration["frameworks"]:
            framework_id = info["id"]["value"]
            if framework_id not in self._state.frameworks and not self._state.is_completed(framework_id):
                self._state.add_framework(info, recovered=True)

    def _recover(self, agent: Agent, registration: Json, message: str | None) -> None:
        """Know the tasks and executors that an agent brings along."""
        for item in registration["executors"]:
            framework_id = item["framework_id"]["value"]
            if framework_id in self._state.frameworks:
                self._tasks.add_executor(framework_id, agent, item["executor_info"])
        for item in registration["tasks"]:
            framework = self._state.frameworks.get(item["framework_id"]["value"])
            if framework is not None:
                self._recover_task(agent, framework, item, message)
        for item in registration.get("operations", []):
            framework_id = item["framework_id"]["value"]
            operation = Operation(item["uuid"], item["operation"], framework_id, agent.id, item["status"])
            self._operations.add(operation)

    def _recover_task(self, agent: Agent, framework: Framework, item: Json, message: str | None) -> None:
        task = Task(item["task"], framework.id, agent.id, item["state"])
        for status in item["statuses"]:
            task.record(status)
        framework.unreachable_tasks.pop(task.id, None)
        completed = [other for other in framework.completed_tasks if other.id == task.id]
        for other in completed:
            framework.completed_tasks.remove(other)
        self._tasks.add(framework, agent, task)
        if message is not None:
            seen = seen_in_container(task)
            status = statuses.of_task(task, task.state, "REASON_AGENT_REREGISTERED", message, seen)
            self._tasks.tell(framework, status)

    def _forget_unreachable(self, agent: Agent) -> None:
        """What was unreachable with the agent, and did not come back with it, is not known any more."""
        for framework in self._state.frameworks.values():
            for task in list(framework.unreachable_tasks.values()):
                if task.agent_id == agent.id:
                    del framework.unreachable_tasks[task.id]

    def _remove_predecessor(self, registration: Json) -> None:
        """An agent with another id at the same address cannot be there any more."""
        address = (registration["ip"], registration["port"])
        for other in list(self._state.agents.values()):
            if (other.ip, other.port) == address:
                self._state.counts["slave_removals/reason_registered"] += 1
                self.remove(other, "a new agent registered at the same address")

    def _end_completed(self, agent: Agent, registration: Json) -> None:
        """Frameworks that were removed while the agent was away are ended there now."""
        for info in registration["frameworks"]:
            if self._state.is_completed(info["id"]["value"]):
                agent.send("SHUTDOWN_FRAMEWORK", framework_id=info["id"])

    def _tell_of_frameworks(self, agent: Agent) -> None:
        """Frameworks may have changed meanwhile; and what they have not acknowledged is sent once more."""
        for framework_id in agent.tasks:
            framework = self._state.frameworks[framework_id]
            if framework.connected:
                agent.send("UPDATE_FRAMEWORK", framework_info=framework.info)

    # Reports.

    def report(self, agent: Agent, report: Json) -> None:
        """What an agent has to say; see ``link``."""
        kind = report["type"]
        if kind == "PONG":
            agent.missed_pings = 0
        elif kind == "UNREGISTER":
            self._state.counts["slave_removals/reason_unregistered"] += 1
            self.remove(agent, "the agent unregistered")
        elif kind == "EXITED_EXECUTOR":
            framework_id, executor_id = report["framework_id"]["value"], report["executor_id"]["value"]
            self._state.counts["messages_exited_executor"] += 1
            self._tasks.executor_exited(agent, framework_id, executor_id, report["status"])
        elif framework := self._state.frameworks.get(report["framework_id"]["value"]):
            self._report_to(framework, agent, report)

    def _report_to(self, framework: Framework, agent: Agent, report: Json) -> None:
        kind = report["type"]
        if kind == "UPDATE":
            self._state.counts["messages_status_update"] += 1
            self._tasks.update(agent, framework, report["status"], report["latest_state"])
        elif kind == "MESSAGE":
            self._state.counts["messages_executor_to_framework"] += 1
            self._state.counts["valid_executor_to_framework_messages"] += 1
            body = {"agent_id": {"value": agent.id}, "executor_id": report["executor_id"]}
            framework.send("MESSAGE", {**body, "data": report["data"]})
        elif kind == "OPERATION":
            self._operations.update(agent, framework, report["uuid"], report["status"])

    # Loss.

    def _observe(self, agent: Agent) -> None:
        """Ping an agent until it is removed; give it up when too many pings were missed."""
        while self._state.agents.get(agent.id) is agent:
            agent.missed_pings += 1
            agent.send("PING")
            gevent.sleep(self._ping_timeout)
            if not agent.connected and _is_up(agent, self._ping_timeout):
                agent.missed_pings = 0
            if agent.missed_pings >= self._max_missed_pings and self._state.agents.get(agent.id) is agent:
                self._lose(agent)

    def _ended(self, stream: EventStream) -> None:
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
        for task in _tasks_of(agent):
            framework = self._state.frameworks[task.framework_id]
            state = statuses.seen_by(framework, "TASK_UNREACHABLE")
            since = {"unreachable_time": statuses.time_info(when)}
            status = statuses.of_task(task, state, "REASON_AGENT_REMOVED", "health check timed out", since)
            self._tasks.note(framework, task, status, state)
            self._tasks.remove(framework, agent, task, unreachable=True)
            self._tasks.tell(framework, status)
        self._forget(agent)

    def remove(self, agent: Agent, cause: str) -> None:
        """The agent has left for good, or another has taken its place: its tasks are lost."""
        log.warning("removing agent %s: %s", agent, cause)
        self._state.registry.remove(agent.id)
        text = f"Agent {agent.hostname} removed: {cause}"
        for task in _tasks_of(agent):
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
        for task in _tasks_of(agent):
            framework = self._state.frameworks[task.framework_id]
            aware = framework.can("PARTITION_AWARE")
            reason = "REASON_AGENT_REMOVED_BY_OPERATOR" if aware else "REASON_AGENT_REMOVED"
            state = statuses.seen_by(framework, "TASK_GONE_BY_OPERATOR")
            self._tasks.end(framework, agent, task, statuses.of_task(task, state, reason, GONE))
        agent.send("REMOVED", message=GONE)
        self._forget(agent)

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


def _agent(agent_id: str, registration: Json, stream: EventStream) -> Agent:
    return Agent(
        agent_id,
        {**registration["agent_info"], "id": {"value": agent_id}},
        registration["ip"],
        registration["port"],
        registration["pid"],
        registration["version"],
        Resources(formats.refined(resource) for resource in registration["resources"]),
        stream,
    )


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


def _tasks_of(agent: Agent) -> list[Task]:
    return [task for tasks in agent.tasks.values() for task in tasks.values()]


def _key(item: Json, ident: Json) -> tuple[str, str]:
    return item["framework_id"]["value"], ident["value"]
