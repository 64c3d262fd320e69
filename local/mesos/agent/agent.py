"""The agent itself: what it does on the master's commands and its executors' word.

One process, greenlets without locks: between two waits its state is whole. Whatever must survive the
agent's death is written down before anybody is told of it.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent

from local.mesos import duration, schema
from local.mesos.agent import container as containers
from local.mesos.agent import environment, fetcher
from local.mesos.agent.checkpoints import Checkpoints
from local.mesos.agent.container import Container, LaunchError
from local.mesos.agent.executor import Executor, State, Task, new_status
from local.mesos.agent.master_link import MasterLink
from local.mesos.agent.settings import Settings
from local.mesos.agent.updates import UpdateStream
from local.mesos.build import VERSION
from local.mesos.enums import TERMINAL_STATES
from local.mesos.resources import ResourceError, Resources, conversions
from local.mesos.stream import EventStream

Json = dict[str, Any]
Report = Callable[[Json], bool]

log = logging.getLogger(__name__)

MASTER_SECONDS = 5.0
"""How long executors that have to end are kept until the agent is registered."""
COMMAND_EXECUTOR = Path(__file__).with_name("command_executor.py")


class Agent:
    """Everything that an agent knows. ``started_at`` is in seconds since the epoch."""

    def __init__(self, settings: Settings, started_at: float) -> None:
        self.settings = settings
        self.started_at = started_at
        self.checkpoints = Checkpoints(settings.meta)
        self.agent_id = self.checkpoints.agent_id
        self.resources = Resources(self.checkpoints.resources or settings.resources)
        self.frameworks: dict[str, Json] = {}
        self.executors: dict[tuple[str, str], Executor] = {}
        self.recovering = False
        self.recovery_seconds = 0.0
        self.counts: Counter[str] = Counter()
        """Things that have happened, by metric name."""
        self.link = MasterLink(self.registration, self.obey)
        self.ended = gevent.event.Event()

    # What the master hears.

    def info(self) -> Json:
        """The AgentInfo."""
        settings = self.settings
        info: Json = {
            "hostname": settings.hostname,
            "port": settings.port,
            "resources": list(settings.resources),
            "attributes": list(settings.attributes),
        }
        return {**info, "id": {"value": self.agent_id}} if self.agent_id else info

    def registration(self) -> Json:
        """What the agent says of itself; see ``link.Registration``."""
        body: Json = {
            "agent_info": self.info(),
            "ip": self.settings.ip,
            "port": self.settings.port,
            "pid": f"slave(1)@{self.settings.endpoint}",
            "version": VERSION,
            "start_time": self.started_at,
            "resources": list(self.resources),
            "frameworks": list(self.frameworks.values()),
            "executors": [
                {"framework_id": {"value": e.framework_id}, "executor_info": e.info}
                for e in self.live_executors()
            ],
            "tasks": [
                {
                    "framework_id": {"value": e.framework_id},
                    "task": self._with_executor(e, task),
                    "state": task.state,
                    "statuses": task.updates.pending or task.statuses[-1:],
                }
                for e in self.executors.values()
                for task in e.tasks.values()
            ],
            "operations": [],
        }
        return {**body, "agent_id": {"value": self.agent_id}} if self.agent_id else body

    def live_executors(self) -> Iterable[Executor]:
        """Those that have not ended."""
        return (e for e in self.executors.values() if e.state is not State.TERMINATED)

    def _with_executor(self, executor: Executor, task: Task) -> Json:
        if executor.command_task:
            return task.info
        return schema.ordered("TaskInfo", {**task.info, "executor": executor.info})

    # What the master orders.

    def obey(self, command: Json) -> None:
        """Carry a command of the master's out; see ``link``."""
        handlers: dict[str, Callable[[Json], None]] = {
            "REGISTERED": self._registered,
            "REMOVED": self._removed,
            "RUN": self._run,
            "KILL": self._kill,
            "SHUTDOWN_EXECUTOR": self._shut_down_executor,
            "SHUTDOWN_FRAMEWORK": self._shut_down_framework,
            "MESSAGE": self._message,
            "ACKNOWLEDGE": self._acknowledge,
            "UPDATE_FRAMEWORK": self._update_framework,
            "APPLY": self._apply,
        }
        handler = handlers.get(command["type"])
        if handler is not None:
            handler(command)

    def _registered(self, command: Json) -> None:
        agent_id = command["agent_id"]["value"]
        if agent_id != self.agent_id:
            self.agent_id = agent_id
            self.checkpoints.keep_agent_id(agent_id)
        log.info("registered with the master as agent %s", agent_id)
        for executor in self.executors.values():
            for task in executor.tasks.values():
                task.updates.resend()

    def _removed(self, command: Json) -> None:
        log.warning("given up by the master: %s", command.get("message"))
        for executor in self.live_executors():
            executor.container.destroy()
        self.ended.set()

    def _update_framework(self, command: Json) -> None:
        info = command["framework_info"]
        framework_id = info["id"]["value"]
        if framework_id in self.frameworks:
            self.frameworks[framework_id] = info
        # Its scheduler may just have come back: what it has not acknowledged need not wait for its turn.
        for executor in self.executors.values():
            if executor.framework_id == framework_id:
                for task in executor.tasks.values():
                    task.updates.resend()

    def _run(self, command: Json) -> None:
        framework, task = command["framework_info"], command["task"]
        framework_id = framework["id"]["value"]
        self.frameworks[framework_id] = framework
        info = task.get("executor") or self._command_executor(framework_id, task)
        executor = self.executors.get((framework_id, info["executor_id"]["value"]))
        unknown = self._unknown_resources(task, info)
        if unknown is not None or (
            executor is not None
            and executor.state is not State.REGISTERING
            and executor.state is not State.RUNNING
        ):
            reason = "REASON_RESOURCES_UNKNOWN" if unknown else "REASON_EXECUTOR_TERMINATED"
            self._drop(framework_id, task, reason, unknown or "The executor is terminating")
            return
        created = executor is None
        if executor is None:
            executor = self._new_executor(framework_id, info, "executor" not in task)
        self._add_task(executor, task)
        self.keep(executor)
        if created:
            gevent.spawn(self._launch, executor)
        elif executor.state is State.RUNNING:
            self._deliver(executor)

    def _unknown_resources(self, task: Json, executor: Json) -> str | None:
        """Why a task's reservations and volumes cannot be used: this agent does not know them."""
        named = [*task.get("resources", []), *executor.get("resources", [])]
        reserved = Resources(r for r in named if r.get("reservations") or "disk" in r).unallocated()
        if self.resources.contains(reserved):
            return None
        return "The checkpointed resources being used by the task or task group are unknown to the agent"

    def _drop(self, framework_id: str, task: Json, reason: str, message: str) -> None:
        status = new_status(
            task["task_id"]["value"], self.agent_id or "", None, "TASK_DROPPED", reason, message
        )
        self.link.report(
            {
                "type": "UPDATE",
                "framework_id": {"value": framework_id},
                "status": status,
                "latest_state": "TASK_DROPPED",
            }
        )

    def _command_executor(self, framework_id: str, task: Json) -> Json:
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

    def _new_executor(self, framework_id: str, info: Json, command_task: bool) -> Executor:
        container_id = str(uuid.uuid4())
        executor_id = info["executor_id"]["value"]
        sandbox = (
            self.settings.work_dir / "slaves" / (self.agent_id or "") / "frameworks" / framework_id
            / "executors" / executor_id / "runs" / container_id
        )  # fmt: skip
        folder = self.checkpoints.run_folder(framework_id, executor_id, container_id)
        executor = Executor(framework_id, info, Container(container_id, sandbox, folder), command_task)
        self.executors[executor.key] = executor
        return executor

    def _add_task(self, executor: Executor, info: Json) -> Task:
        plain = {key: value for key, value in info.items() if key != "executor"}
        task = Task(plain, self._stream(executor.framework_id, []))
        executor.tasks[task.id] = task
        return task

    def _stream(self, framework_id: str, pending: list[Json]) -> UpdateStream:
        def send(status: Json) -> None:
            self.link.report(
                {
                    "type": "UPDATE",
                    "framework_id": {"value": framework_id},
                    "status": status,
                    "latest_state": self._latest_state(framework_id, status),
                }
            )

        return UpdateStream(send, pending)

    def _latest_state(self, framework_id: str, status: Json) -> str:
        task_id = status["task_id"]["value"]
        for executor in self.executors.values():
            if executor.framework_id == framework_id and task_id in executor.tasks:
                return executor.tasks[task_id].state
        return str(status["state"])

    def _kill(self, command: Json) -> None:
        task_id = command["task_id"]["value"]
        executor = self._executor_of(command["framework_id"]["value"], task_id)
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
        message = "A kill was requested before the task was delivered to the executor"
        self.make_update(executor, task, "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH", message)
        if all(other.ended for other in executor.tasks.values()):
            self.shut_down(executor)

    def _executor_of(self, framework_id: str, task_id: str) -> Executor | None:
        found = (e for e in self.executors.values() if e.framework_id == framework_id and task_id in e.tasks)
        return next(found, None)

    def _shut_down_executor(self, command: Json) -> None:
        key = (command["framework_id"]["value"], command["executor_id"]["value"])
        if key in self.executors:
            self.shut_down(self.executors[key])

    def _shut_down_framework(self, command: Json) -> None:
        framework_id = command["framework_id"]["value"]
        self.frameworks.pop(framework_id, None)
        for executor in list(self.executors.values()):
            if executor.framework_id == framework_id:
                for task in executor.tasks.values():
                    task.updates.stop()
                self.shut_down(executor)

    def _message(self, command: Json) -> None:
        executor = self.executors.get((command["framework_id"]["value"], command["executor_id"]["value"]))
        self.counts[f"slave/{'invalid' if executor is None else 'valid'}_framework_messages"] += 1
        if executor is not None:
            executor.send({"type": "MESSAGE", "message": {"data": command["data"]}})

    def _acknowledge(self, command: Json) -> None:
        task_id = command["task_id"]["value"]
        executor = self._executor_of(command["framework_id"]["value"], task_id)
        if executor is None or not executor.tasks[task_id].updates.acknowledge(command["uuid"]):
            return
        if executor.tasks[task_id].ended and not executor.tasks[task_id].updates.pending:
            del executor.tasks[task_id]
        self._settle(executor)

    def _settle(self, executor: Executor) -> None:
        """Note an executor's state, or forget it when nothing of it is left."""
        if executor.state is State.TERMINATED and not executor.tasks:
            self.executors.pop(executor.key, None)
            self.checkpoints.drop_executor(*executor.key)
        else:
            self.keep(executor)

    def _apply(self, command: Json) -> None:
        operation = command["operation"]
        try:
            changed = self.resources.convert(conversions(operation))
        except ResourceError:
            log.error("an operation does not fit what this agent has: %s", operation["type"])
            return
        self._change_volumes(operation)
        self.resources = changed
        self.checkpoints.keep_resources(list(changed))
        if "uuid" in command:
            self._report_operation(command)

    def _change_volumes(self, operation: Json) -> None:
        for volume in operation.get("create", {}).get("volumes", []):
            containers.volume_path(self.settings.work_dir, volume).mkdir(parents=True, exist_ok=True)
        for volume in operation.get("destroy", {}).get("volumes", []):
            containers.destroy_volume(self.settings.work_dir, volume)

    def _report_operation(self, command: Json) -> None:
        status = {
            "operation_id": command["operation"].get("id"),
            "state": "OPERATION_FINISHED",
            "uuid": {"value": b64encode(uuid.uuid4().bytes).decode()},
            "agent_id": {"value": self.agent_id},
        }
        self.link.report(
            {
                "type": "OPERATION",
                "framework_id": command.get("framework_id"),
                "uuid": command["uuid"],
                "status": status,
            }
        )

    # Executors.

    def _user(self, executor: Executor) -> str | None:
        """The user that an executor runs as; None for the agent's own."""
        framework = self.frameworks.get(executor.framework_id, {})
        user = executor.info.get("command", {}).get("user") or framework.get("user")
        return user if self.settings.switch_user else None

    def _launch(self, executor: Executor) -> None:
        """Make the sandbox, fetch, start, and wait for the end."""
        container, info = executor.container, executor.info
        framework = self.frameworks[executor.framework_id]
        user = self._user(executor)
        expiry = gevent.spawn_later(
            self.settings.executor_registration_timeout, self._not_registered_in_time, executor
        )
        try:
            containers.make_sandbox(container.sandbox, user)
            containers.link_volumes(
                self.settings.work_dir, container.sandbox, info.get("resources", []), user
            )
            self._fetch(info["command"], container)
            if executor.state is State.TERMINATING:
                raise LaunchError("Executor terminated")
            variables = environment.build(
                self.settings, self.agent_id or "", framework, info, container.sandbox
            )
            container.start(self._command(executor), variables, user)
        except (LaunchError, fetcher.FetchError) as error:
            expiry.kill(block=False)
            unfetched = f"Failed to fetch all URIs for container '{container.id}': "
            reason = unfetched if isinstance(error, fetcher.FetchError) else ""
            self._failed_launch(executor, f"Failed to launch container: {reason}{error}")
            return
        self.keep(executor)
        self.await_end(executor)
        expiry.kill(block=False)

    def _fetch(self, command: Json, container: Container) -> None:
        """Bring the command's URIs. Raises FetchError."""
        if not command.get("uris"):
            return
        outcome = "failed"
        try:
            fetcher.fetch(command, container.sandbox)
            outcome = "succeeded"
        finally:
            self.counts[f"containerizer/fetcher/task_fetches_{outcome}"] += 1

    def _command(self, executor: Executor) -> list[str]:
        command = executor.info["command"]
        if executor.command_task:
            return [sys.executable, "-I", str(COMMAND_EXECUTOR)]
        if command.get("shell", True):
            return ["/bin/sh", "-c", command.get("value", "")]
        return [command["value"], *command.get("arguments", [])[1:]]

    def _failed_launch(self, executor: Executor, message: str) -> None:
        log.warning("executor %s: %s", executor.id, message)
        self.counts["slave/container_launch_errors"] += 1
        executor.killed_for = ("TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED", message)
        self._ended(executor, containers.UNKNOWN_STATUS)

    def _not_registered_in_time(self, executor: Executor) -> None:
        if executor.state is State.REGISTERING:
            limit = duration.text(self.settings.executor_registration_timeout)
            self.destroy(
                executor,
                "TASK_FAILED",
                "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
                f"Executor did not register within {limit}",
            )

    def await_end(self, executor: Executor) -> None:
        """Wait for the executor's process to end and tell of it."""
        self._ended(executor, executor.container.wait())

    def _ended(self, executor: Executor, status: int) -> None:
        """The executor is gone: so are its tasks."""
        log.info("executor %s has ended with wait status %d", executor.id, status)
        executor.state = State.TERMINATED
        self.counts["slave/executors_terminated"] += 1
        if executor.stream is not None:
            executor.stream.close()
        self.link.report(
            {
                "type": "EXITED_EXECUTOR",
                "framework_id": {"value": executor.framework_id},
                "executor_id": {"value": executor.id},
                "status": status,
            }
        )
        default = ("TASK_FAILED", "REASON_EXECUTOR_TERMINATED", "Executor terminated")
        state, reason, message = executor.killed_for or default
        for task in list(executor.tasks.values()):
            if not task.ended:
                self.make_update(executor, task, state, reason, message)
        self._settle(executor)

    def shut_down(self, executor: Executor) -> None:
        """Ask an executor to end; it is killed when it has not after its grace period."""
        if executor.state in (State.TERMINATING, State.TERMINATED):
            return
        executor.state = State.TERMINATING
        executor.send({"type": "SHUTDOWN"})
        if executor.stream is None:
            executor.container.destroy()
            return
        gevent.spawn_later(
            environment.grace_seconds(self.settings, executor.info), executor.container.destroy
        )

    def destroy(self, executor: Executor, state: str, reason: str, message: str) -> None:
        """End an executor at once, with this for its tasks."""
        executor.killed_for = (state, reason, message)
        executor.state = State.TERMINATING
        executor.container.destroy()

    def _deliver(self, executor: Executor) -> None:
        """Tell a subscribed executor of the tasks that it does not know yet."""
        for task in executor.tasks.values():
            if not task.delivered and not task.ended:
                task.delivered = True
                containers.link_volumes(
                    self.settings.work_dir,
                    executor.sandbox,
                    task.info.get("resources", []),
                    self._user(executor),
                )
                executor.send({"type": "LAUNCH", "launch": {"task": self._with_executor(executor, task)}})
        self.keep(executor)

    # What executors say.

    def subscribed(self, executor: Executor, stream: EventStream) -> None:
        """An executor has opened its stream: it is told who it is and what it has to do."""
        if executor.stream is not None:
            executor.stream.close()
        executor.stream = stream
        if executor.state is State.REGISTERING:
            executor.state = State.RUNNING
        stream.send(
            {
                "type": "SUBSCRIBED",
                "subscribed": {
                    "executor_info": executor.info,
                    "framework_info": self.frameworks[executor.framework_id],
                    "agent_info": self.info(),
                    "container_id": {"value": executor.container.id},
                },
            }
        )
        self._deliver(executor)

    def take_update(self, executor: Executor, status: Json) -> None:
        """An executor's status update: written down, passed on, acknowledged to the executor."""
        task = executor.tasks.get(status["task_id"]["value"])
        self.counts[f"slave/{'invalid' if task is None else 'valid'}_status_updates"] += 1
        if task is not None and all(status["uuid"] != known["uuid"] for known in task.statuses):
            seen = {**status, **self._container_status(executor)}
            self._record(executor, task, schema.ordered("TaskStatus", seen))
        acknowledged = {"task_id": status["task_id"], "uuid": status["uuid"]}
        executor.send({"type": "ACKNOWLEDGED", "acknowledged": acknowledged})

    def _container_status(self, executor: Executor) -> Json:
        address = {"protocol": "IPv4", "ip_address": self.settings.ip}
        return {
            "agent_id": {"value": self.agent_id},
            "container_status": {
                "container_id": {"value": executor.container.id},
                "network_infos": [{"ip_addresses": [address]}],
                "executor_pid": executor.container.pid,
            },
        }

    def make_update(self, executor: Executor, task: Task, state: str, reason: str, message: str) -> None:
        """A status update of the agent's own."""
        named = None if state == "TASK_DROPPED" else executor.id
        self._record(executor, task, new_status(task.id, self.agent_id or "", named, state, reason, message))

    def _record(self, executor: Executor, task: Task, status: Json) -> None:
        if not task.ended:
            task.state = status["state"]
            if task.ended:
                self.counts[f"slave/{task.state.lower().replace('task_', 'tasks_')}"] += 1
        task.statuses.append(status)
        if status["state"] in TERMINAL_STATES:
            containers.unlink_volumes(executor.sandbox, task.info.get("resources", []))
        task.updates.add(status)
        self.keep(executor)

    def keep(self, executor: Executor) -> None:
        """Write an executor down."""
        self.checkpoints.keep_executor(
            executor.framework_id,
            executor.id,
            {
                "framework_info": self.frameworks.get(executor.framework_id),
                "framework_id": executor.framework_id,
                "info": executor.info,
                "command_task": executor.command_task,
                "container": {
                    "id": executor.container.id,
                    "sandbox": str(executor.sandbox),
                    "run_folder": str(executor.container.run_folder),
                    "pid": executor.container.pid,
                },
                "terminated": executor.state is State.TERMINATED,
                "tasks": [
                    {
                        "info": task.info,
                        "state": task.state,
                        "delivered": task.delivered,
                        "statuses": task.statuses,
                        "pending": task.updates.pending,
                    }
                    for task in executor.tasks.values()
                ],
            },
        )

    # After a restart.

    def recover(self) -> None:
        """Find the executors that were there before, and give those that live a moment to come back."""
        begun = time.monotonic()
        for stored in self.checkpoints.executors():
            self._recover_one(stored)
        self.recovery_seconds = time.monotonic() - begun
        waiting = [executor for executor in self.executors.values() if executor.state is State.REGISTERING]
        if not waiting:
            return
        self.recovering = True
        gevent.sleep(self.settings.executor_reregistration_timeout)
        self.recovering = False
        limit = duration.text(self.settings.executor_reregistration_timeout)
        message = f"Executor did not reregister within {limit}"
        late = [executor for executor in waiting if executor.state is State.REGISTERING]
        for executor in late:
            executor.killed_for = ("TASK_GONE", "REASON_EXECUTOR_REREGISTRATION_TIMEOUT", message)
            executor.state = State.TERMINATING
        gevent.spawn(self._destroy_late, late)

    def _destroy_late(self, executors: list[Executor]) -> None:
        """End those that did not come back, once there is a master that hears of it as of any other end."""
        with gevent.Timeout(MASTER_SECONDS, False):
            while not self.link.registered:
                gevent.sleep(containers.POLL_SECONDS)
        for executor in executors:
            executor.container.destroy()

    def _recover_one(self, stored: Json) -> None:
        if stored["framework_info"]:
            self.frameworks[stored["framework_id"]] = stored["framework_info"]
        held = stored["container"]
        container = Container(held["id"], Path(held["sandbox"]), Path(held["run_folder"]), held["pid"])
        executor = Executor(stored["framework_id"], stored["info"], container, stored["command_task"])
        self.executors[executor.key] = executor
        for entry in stored["tasks"]:
            stream = self._stream(executor.framework_id, entry["pending"])
            task = Task(entry["info"], stream, entry["state"], entry["delivered"], entry["statuses"])
            executor.tasks[task.id] = task
        if stored["terminated"]:
            executor.state = State.TERMINATED
        else:
            gevent.spawn(self.await_end, executor)

    def reconcile_tasks(self, executor: Executor, known: set[str]) -> None:
        """After a restart: tasks that never reached their executor are dropped."""
        for task in list(executor.tasks.values()):
            if task.state == "TASK_STAGING" and task.id not in known:
                message = "Task launched during agent restart"
                self.make_update(executor, task, "TASK_DROPPED", "REASON_AGENT_RESTARTED", message)

    # The end.

    def shut_down_cleanly(self) -> None:
        """Unregister, end all executors, end. The id, reservations and volumes stay."""
        self.link.report({"type": "UNREGISTER", "message": "the agent unregistered"})
        self.link.stop()
        for executor in list(self.live_executors()):
            self.shut_down(executor)
        while any(True for _ in self.live_executors()):
            gevent.sleep(containers.POLL_SECONDS)
        self.ended.set()
