"""Frameworks: subscription, failover, disconnection, removal."""

from __future__ import annotations

import logging
import time
import uuid

import gevent

from local.mesos import schema
from local.mesos.master import statuses
from local.mesos.master.model import Connection, Framework, Json, Task, event, roles
from local.mesos.master.offers import Offers
from local.mesos.master.operations import Operations
from local.mesos.master.state import State
from local.mesos.master.tasks import Tasks
from local.mesos.master.validation.framework import (
    check_framework,
    check_principal_kept,
    check_suppressed,
    check_update,
)
from local.mesos.stream import EventStream
from local.mesos.validation import Invalid

HEARTBEAT_SECONDS = 15.0

log = logging.getLogger(__name__)


class Frameworks:
    """Lets schedulers in and out."""

    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._operations = operations
        names = state.flags.text("roles")
        self._roles = frozenset(names.split(",")) | {"*"} if names else None

    def subscribe(self, subscribe: Json) -> EventStream:
        """The event stream of a new or returning scheduler. A refusal is its only event."""
        info = subscribe["framework_info"]
        stream_id = str(uuid.uuid4())
        stream = EventStream(lambda: self._ended(stream), {"Mesos-Stream-Id": stream_id})
        try:
            framework = self._admit(info, subscribe)
        except Invalid as error:
            log.info("refusing framework '%s': %s", info["name"], error)
            stream.send(event("ERROR", {"message": str(error)}))
            stream.close()
            return stream
        self._set_options(framework, subscribe)
        self._connect(framework, Connection(stream, stream_id))
        return stream

    def _admit(self, info: Json, subscribe: Json) -> Framework:
        """The framework as it is after this subscription, not yet connected. Raises Invalid."""
        self._check(info, subscribe)
        framework_id = info.get("id", {}).get("value")
        returning = "reregister" if framework_id else "register"
        self._state.counts[f"messages_{returning}_framework"] += 1
        if not framework_id:
            new_id = {"id": {"value": self._state.next_framework_id()}}
            return self._state.add_framework(schema.ordered("FrameworkInfo", {**info, **new_id}))
        if self._state.is_completed(framework_id):
            raise Invalid("Framework has been removed")
        framework = self._state.frameworks.get(framework_id)
        if framework is None:
            return self._state.add_framework(info)
        check_principal_kept(framework.info, info)
        kept = {field: framework.info[field] for field in ("user", "checkpoint")}
        self._update(framework, {**info, **kept})
        framework.reregistered_time = time.time()
        return framework

    def _check(self, info: Json, subscribe: Json) -> None:
        check_framework(info, self._roles)
        constraints = subscribe.get("offer_constraints", {})
        check_suppressed(info, subscribe.get("suppressed_roles", []), constraints)

    def _update(self, framework: Framework, info: Json) -> None:
        """Take over what has changed, and tell the agents."""
        lost = set(framework.roles) - set(roles(info))
        framework.info = info
        self._offers.rescind_all(framework.offers.values(), lambda offer: offer.role in lost)
        for agent in self._state.agents.values():
            agent.send("UPDATE_FRAMEWORK", framework_info=info)

    def update(self, framework: Framework, update: Json) -> None:
        """UPDATE_FRAMEWORK. Raises Invalid."""
        info = update["framework_info"]
        try:
            check_framework(info, self._roles)
        except Invalid as error:
            raise Invalid(f"Supplied FrameworkInfo is not valid: {error}") from error
        try:
            check_update(framework.info, info)
        except Invalid as error:
            raise Invalid(f"FrameworkInfo update is not valid: {error}") from error
        try:
            check_suppressed(info, update.get("suppressed_roles", []), update.get("offer_constraints", {}))
        except Invalid as error:
            raise Invalid(f"'UpdateFramework' call is not valid: {error}") from error
        self._update(framework, info)
        self._set_options(framework, update)

    def _set_options(self, framework: Framework, subscribe: Json) -> None:
        framework.offer_constraints = subscribe.get("offer_constraints", {})
        self._offers.allocator.set_suppressed(framework, subscribe.get("suppressed_roles", []))
        self._offers.changed()

    def _connect(self, framework: Framework, connection: Connection) -> None:
        """Make this the framework's connection; an older one is told and closed."""
        if framework.connection is not None:
            framework.send("ERROR", {"message": "Framework failed over"})
            old, framework.connection = framework.connection, None
            old.stream.close()
            self._offers.discard_all(framework)
        framework.connection = connection
        framework.recovered = False
        framework.subscriptions += 1
        framework.counts["calls/subscribe"] += 1
        body = {
            "framework_id": framework.info["id"],
            "heartbeat_interval_seconds": HEARTBEAT_SECONDS,
            "master_info": self._state.info,
        }
        framework.send("SUBSCRIBED", body)
        log.info("framework %s (%s) is subscribed", framework.id, framework.info["name"])
        gevent.spawn(self._beat, framework, connection)
        self._offers.hurry()

    def _beat(self, framework: Framework, connection: Connection) -> None:
        while framework.connection is connection:
            framework.send("HEARTBEAT")
            gevent.sleep(HEARTBEAT_SECONDS)

    def _ended(self, stream: EventStream) -> None:
        """A stream has ended: if it was its framework's, the time to come back begins."""
        for framework in list(self._state.frameworks.values()):
            if framework.connection is not None and framework.connection.stream is stream:
                self._disconnect(framework)

    def _disconnect(self, framework: Framework) -> None:
        log.info("framework %s is disconnected", framework.id)
        framework.connection = None
        self._offers.discard_all(framework)
        self._offers.allocator.drop_filters(framework)
        timeout = max(0.0, framework.info["failover_timeout"])
        gevent.spawn_later(timeout, self._give_up, framework, framework.subscriptions)

    def _give_up(self, framework: Framework, subscriptions: int) -> None:
        """Remove a framework that has not subscribed again in time."""
        known = self._state.frameworks.get(framework.id) is framework
        if known and not framework.connected and framework.subscriptions == subscriptions:
            log.info("framework %s did not come back within its failover timeout", framework.id)
            self.remove(framework)

    def remove(self, framework: Framework) -> None:
        """End a framework: its executors are shut down, its id is used up, its reservations stay."""
        log.info("removing framework %s", framework.id)
        self._offers.discard_all(framework)
        for agent in self._state.agents.values():
            agent.send("SHUTDOWN_FRAMEWORK", framework_id=framework.info["id"])
        self._end_tasks(framework)
        for agent in self._state.agents.values():
            for executor_id in list(agent.executors.get(framework.id, {})):
                self._tasks.remove_executor(agent, framework.id, executor_id)
        for operation in list(framework.operations.values()):
            self._operations.remove(operation)
        self._offers.allocator.forget_framework(framework)
        del self._state.frameworks[framework.id]
        framework.unregistered_time = time.time()
        self._state.completed.append(framework)
        connection, framework.connection = framework.connection, None
        if connection is not None:
            connection.stream.close()

    def _end_tasks(self, framework: Framework) -> None:
        for task in list(framework.tasks.values()):
            agent = self._state.agents[task.agent_id]
            self._tasks.note(framework, task, self._removed(framework, task), "TASK_KILLED")
            self._tasks.remove(framework, agent, task)
        for task in list(framework.unreachable_tasks.values()):
            self._tasks.note(framework, task, self._removed(framework, task), "TASK_KILLED")
            framework.completed_tasks.append(framework.unreachable_tasks.pop(task.id))

    def _removed(self, framework: Framework, task: Task) -> Json:
        message = f"Framework {framework.id} removed"
        return statuses.of_task(task, "TASK_KILLED", "REASON_FRAMEWORK_REMOVED", message)
