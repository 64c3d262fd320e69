"""Agents: how they register, and what they report. How they are lost is in ``agent_loss``."""

from __future__ import annotations

import logging
import time

import gevent

from local.mesos import formats
from local.mesos.master.agent_loss import GONE, AgentLoss
from local.mesos.master.inventory import Inventory
from local.mesos.master.model import Agent, Framework, Json
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.resources import Resources
from local.mesos.stream import EventStream

log = logging.getLogger(__name__)


class Agents:
    """Lets agents in and out."""

    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations
        self._inventory = Inventory(state, tasks, operations)
        self.loss = AgentLoss(state, offers, tasks, operations)

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

    def register(self, registration: Json) -> EventStream:
        """The command stream of an agent that registers, for the first time or again."""
        agent_id = registration.get("agent_id", {}).get("value")
        self._state.counts[f"messages_{'register' if agent_id is None else 'reregister'}_slave"] += 1
        self._state.counts["messages_update_slave"] += 1
        stream = EventStream(lambda: self.loss.ended(stream))
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
        self._inventory.take_over(agent, registration, message)
        if known:
            agent.reregistered_time = time.time()
        self._state.counts["slave_reregistrations" if known else "slave_registrations"] += 1
        gevent.spawn(self.loss.observe, agent)
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
        self._inventory.compare(agent, registration)
        self._state.counts["slave_reregistrations"] += 1
        log.info("agent %s is registered again", agent)

    def _welcome(self, agent: Agent) -> None:
        agent.send("REGISTERED", agent_id={"value": agent.id}, ping_timeout_seconds=self.loss.silence)

    def _remove_predecessor(self, registration: Json) -> None:
        """An agent with another id at the same address cannot be there any more."""
        address = (registration["ip"], registration["port"])
        for other in list(self._state.agents.values()):
            if (other.ip, other.port) == address:
                self._state.counts["slave_removals/reason_registered"] += 1
                self.loss.remove(other, "a new agent registered at the same address")

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

    def report(self, agent: Agent, report: Json) -> None:
        """What an agent has to say; see ``link``."""
        kind = report["type"]
        if kind == "PONG":
            agent.missed_pings = 0
        elif kind == "UNREGISTER":
            self._state.counts["slave_removals/reason_unregistered"] += 1
            self.loss.remove(agent, "the agent unregistered")
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
