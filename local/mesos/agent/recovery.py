"""After a restart: find the executors that were there before, and give them a moment to come back."""

from __future__ import annotations

import time

import gevent

from local.mesos import duration
from local.mesos.agent import records
from local.mesos.agent.agent import Agent
from local.mesos.agent.container import POLL_SECONDS
from local.mesos.agent.executor import Executor, State
from local.mesos.agent.executors import Executors
from local.mesos.agent.operations import Operations
from local.mesos.agent.status_updates import StatusUpdates

MASTER_SECONDS = 5.0
"""How long executors that have to end are kept until the agent is registered."""


class Recovery:
    """Brings an agent back to what it knew."""

    def __init__(
        self, agent: Agent, updates: StatusUpdates, executors: Executors, operations: Operations
    ) -> None:
        self._agent = agent
        self._updates = updates
        self._executors = executors
        self._operations = operations

    def run(self) -> None:
        """Recover. Returns when executors that live have come back, or had their time to."""
        begun = time.monotonic()
        self._operations.recover()
        for stored in self._agent.checkpoints.executors():
            if stored["framework_info"]:
                self._agent.frameworks[stored["framework_id"]] = stored["framework_info"]
            self._know(records.restored(stored, self._updates.new_task))
        self._agent.recovery_seconds = time.monotonic() - begun
        waiting = [e for e in self._agent.executors.values() if e.state is State.REGISTERING]
        if waiting:
            self._agent.recovering = True
            gevent.sleep(self._agent.settings.executor_reregistration_timeout)
            self._agent.recovering = False
            self._give_up([executor for executor in waiting if executor.state is State.REGISTERING])

    def _know(self, executor: Executor) -> None:
        self._agent.executors[executor.key] = executor
        if executor.state is not State.TERMINATED:
            gevent.spawn(self._executors.await_end, executor)

    def _give_up(self, late: list[Executor]) -> None:
        limit = duration.text(self._agent.settings.executor_reregistration_timeout)
        message = f"Executor did not reregister within {limit}"
        for executor in late:
            executor.killed_for = ("TASK_GONE", "REASON_EXECUTOR_REREGISTRATION_TIMEOUT", message)
            executor.state = State.TERMINATING
        gevent.spawn(self._destroy, late)

    def _destroy(self, executors: list[Executor]) -> None:
        """End those that did not come back, once there is a master that hears of it as of any other end."""
        with gevent.Timeout(MASTER_SECONDS, False):
            while not self._agent.link.registered:
                gevent.sleep(POLL_SECONDS)
        for executor in executors:
            executor.container.destroy()

    def drop_unknown(self, executor: Executor, known: set[str]) -> None:
        """Tasks that never reached an executor which has come back are dropped."""
        for task in list(executor.tasks.values()):
            if task.state == "TASK_STAGING" and task.id not in known:
                message = "Task launched during agent restart"
                self._updates.make(executor, task, "TASK_DROPPED", "REASON_AGENT_RESTARTED", message)
