"""The life of executors: started in containers, told what to do, ended."""

from __future__ import annotations

import logging
import sys
import uuid
from pathlib import Path
from typing import Any

import gevent

from local.mesos import duration
from local.mesos.agent import container as containers
from local.mesos.agent import environment, fetcher, volumes
from local.mesos.agent.agent import Agent
from local.mesos.agent.container import Container, LaunchError
from local.mesos.agent.executor import Executor, State
from local.mesos.agent.status_updates import StatusUpdates
from local.mesos.stream import EventStream

Json = dict[str, Any]

log = logging.getLogger(__name__)

COMMAND_EXECUTOR = Path(__file__).with_name("command_executor.py")


class Executors:
    """Starts and ends executors. What they say comes in through ``executor_api``."""

    def __init__(self, agent: Agent, updates: StatusUpdates) -> None:
        self._agent = agent
        self._settings = agent.settings
        self._updates = updates

    def add(self, framework_id: str, info: Json, *, command_task: bool) -> Executor:
        """Know a new executor, which is started then."""
        container_id, executor_id = str(uuid.uuid4()), info["executor_id"]["value"]
        slave = self._settings.work_dir / "slaves" / (self._agent.agent_id or "")
        runs = slave / "frameworks" / framework_id / "executors" / executor_id / "runs"
        folder = self._agent.checkpoints.run_folder(framework_id, executor_id, container_id)
        container = Container(container_id, runs / container_id, folder)
        executor = Executor(framework_id, info, container, command_task)
        self._agent.executors[executor.key] = executor
        gevent.spawn(self._launch, executor)
        return executor

    def _launch(self, executor: Executor) -> None:
        """Make the sandbox, fetch, start, and wait for the end."""
        limit = self._settings.executor_registration_timeout
        expiry = gevent.spawn_later(limit, self._not_registered_in_time, executor)
        try:
            self._start(executor)
        except (LaunchError, fetcher.FetchError) as error:
            expiry.kill(block=False)
            unfetched = f"Failed to fetch all URIs for container '{executor.container.id}': "
            reason = unfetched if isinstance(error, fetcher.FetchError) else ""
            self._failed_launch(executor, f"Failed to launch container: {reason}{error}")
            return
        self._agent.keep(executor)
        self.await_end(executor)
        expiry.kill(block=False)

    def _start(self, executor: Executor) -> None:
        """Raises LaunchError, FetchError."""
        agent_id, user = self._agent.agent_id or "", self._agent.user(executor)
        framework = self._agent.frameworks[executor.framework_id]
        containers.make_sandbox(executor.sandbox, user)
        self._link_volumes(executor, executor.info)
        self._fetch(executor.info["command"], executor.container)
        if executor.state is State.TERMINATING:
            raise LaunchError("Executor terminated")
        variables = environment.build(self._settings, agent_id, framework, executor.info, executor.sandbox)
        executor.container.start(_command(executor), variables, user)

    def _link_volumes(self, executor: Executor, owner: Json) -> None:
        user, resources = self._agent.user(executor), owner.get("resources", [])
        volumes.link(self._settings.work_dir, executor.sandbox, resources, user)

    def _fetch(self, command: Json, container: Container) -> None:
        """Bring the command's URIs. Raises FetchError."""
        if not command.get("uris"):
            return
        outcome = "failed"
        try:
            fetcher.fetch(command, container.sandbox)
            outcome = "succeeded"
        finally:
            self._agent.counts[f"containerizer/fetcher/task_fetches_{outcome}"] += 1

    def _failed_launch(self, executor: Executor, message: str) -> None:
        log.warning("executor %s: %s", executor.id, message)
        self._agent.counts["slave/container_launch_errors"] += 1
        executor.killed_for = ("TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED", message)
        self._ended(executor, containers.UNKNOWN_STATUS)

    def _not_registered_in_time(self, executor: Executor) -> None:
        if executor.state is State.REGISTERING:
            limit = duration.text(self._settings.executor_registration_timeout)
            text = f"Executor did not register within {limit}"
            executor.killed_for = ("TASK_FAILED", "REASON_EXECUTOR_REGISTRATION_TIMEOUT", text)
            executor.state = State.TERMINATING
            executor.container.destroy()

    def await_end(self, executor: Executor) -> None:
        """Wait for the executor's process to end and tell of it."""
        self._ended(executor, executor.container.wait())

    def _ended(self, executor: Executor, status: int) -> None:
        """The executor is gone: so are its tasks."""
        log.info("executor %s has ended with wait status %d", executor.id, status)
        executor.state = State.TERMINATED
        self._agent.counts["slave/executors_terminated"] += 1
        if executor.stream is not None:
            executor.stream.close()
        ids = {"framework_id": {"value": executor.framework_id}, "executor_id": {"value": executor.id}}
        self._agent.link.report({"type": "EXITED_EXECUTOR", **ids, "status": status})
        default = ("TASK_FAILED", "REASON_EXECUTOR_TERMINATED", "Executor terminated")
        state, reason, message = executor.killed_for or default
        for task in list(executor.tasks.values()):
            if not task.ended:
                self._updates.make(executor, task, state, reason, message)
        self._agent.settle(executor)

    def shut_down(self, executor: Executor) -> None:
        """Ask an executor to end; it is killed when it has not after its grace period."""
        if executor.state in (State.TERMINATING, State.TERMINATED):
            return
        executor.state = State.TERMINATING
        executor.send({"type": "SHUTDOWN"})
        if executor.stream is None:
            executor.container.destroy()
            return
        grace = environment.grace_seconds(self._settings, executor.info)
        gevent.spawn_later(grace, executor.container.destroy)

    def deliver(self, executor: Executor) -> None:
        """Tell a subscribed executor of the tasks that it does not know yet."""
        for task in executor.tasks.values():
            if not task.delivered and not task.ended:
                task.delivered = True
                self._link_volumes(executor, task.info)
                executor.send({"type": "LAUNCH", "launch": {"task": executor.with_executor(task)}})
        self._agent.keep(executor)

    def subscribed(self, executor: Executor, stream: EventStream) -> None:
        """An executor has opened its stream: it is told who it is and what it has to do."""
        if executor.stream is not None:
            executor.stream.close()
        executor.stream = stream
        if executor.state is State.REGISTERING:
            executor.state = State.RUNNING
        body = {
            "executor_info": executor.info,
            "framework_info": self._agent.frameworks[executor.framework_id],
            "agent_info": self._agent.info(),
            "container_id": {"value": executor.container.id},
        }
        stream.send({"type": "SUBSCRIBED", "subscribed": body})
        self.deliver(executor)


def _command(executor: Executor) -> list[str]:
    command = executor.info["command"]
    if executor.command_task:
        return [sys.executable, "-I", str(COMMAND_EXECUTOR)]
    if command.get("shell", True):
        return ["/bin/sh", "-c", command.get("value", "")]
    return [command["value"], *command.get("arguments", [])[1:]]
