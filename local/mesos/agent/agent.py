"""What an agent knows, and what it says of itself. Who changes it are the modules around this one.

One process, greenlets without locks: between two waits its state is whole. Whatever must survive the
agent's death is written down before anybody is told of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import gevent.event

from local.mesos.agent import records
from local.mesos.agent.checkpoints import Checkpoints
from local.mesos.agent.executor import Executor, State
from local.mesos.agent.master_link import MasterLink
from local.mesos.agent.settings import Settings
from local.mesos.build import VERSION
from local.mesos.resources import Resources

Json = dict[str, Any]

COMPLETED_FRAMEWORKS = 50
"""As many as a real agent remembers (src/slave/constants.hpp)."""


class Agent:
    """Everything that an agent knows. ``started_at`` is in seconds since the epoch."""

    def __init__(self, settings: Settings, started_at: float) -> None:
        self.settings = settings
        self.started_at = started_at
        self.checkpoints = Checkpoints(settings.meta)
        self.agent_id = self.checkpoints.agent_id
        self.resources = Resources(self.checkpoints.resources or settings.resources)
        self.frameworks: dict[str, Json] = {}
        """FrameworkInfo of those that have executors here, or had."""
        self.ending: set[str] = set()
        """Frameworks that the master has removed, and whose executors have not all ended yet."""
        self.executors: dict[tuple[str, str], Executor] = {}
        self.completed: dict[str, deque[Executor]] = {}
        """Executors of which nothing is left but what they were, the newest last, by framework."""
        self.completed_frameworks: deque[Json] = deque(maxlen=COMPLETED_FRAMEWORKS)
        """FrameworkInfo of those that the master has removed."""
        self.operations: dict[str, Json] = {}
        """Those whose outcome is not acknowledged, by uuid, as ``link.Registration`` has them."""
        self.recovering = False
        self.recovery_seconds = 0.0
        self.counts: Counter[str] = Counter()
        """Things that have happened, by metric name."""
        self.link = MasterLink(self.registration)
        self.ended = gevent.event.Event()

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
                    "task": e.with_executor(task),
                    "state": task.state,
                    "statuses": task.updates.pending or task.statuses[-1:],
                }
                for e in self.executors.values()
                for task in e.tasks.values()
            ],
            "operations": list(self.operations.values()),
        }
        return {**body, "agent_id": {"value": self.agent_id}} if self.agent_id else body

    def live_executors(self) -> Iterator[Executor]:
        """Those that have not ended."""
        return (e for e in self.executors.values() if e.state is not State.TERMINATED)

    def executors_of(self, framework_id: str) -> list[Executor]:
        """Those of one framework."""
        return [e for e in self.executors.values() if e.framework_id == framework_id]

    def executor_with(self, framework_id: str, task_id: str) -> Executor | None:
        """The executor that has a task."""
        return next((e for e in self.executors_of(framework_id) if task_id in e.tasks), None)

    def user(self, executor: Executor) -> str | None:
        """The user that an executor runs as; None for the agent's own."""
        framework = self.frameworks.get(executor.framework_id, {})
        user = executor.info.get("command", {}).get("user") or framework.get("user")
        return user if self.settings.switch_user else None

    def keep(self, executor: Executor) -> None:
        """Write an executor down."""
        stored = records.stored(executor, self.frameworks.get(executor.framework_id))
        self.checkpoints.keep_executor(*executor.key, stored)

    def settle(self, executor: Executor) -> None:
        """Write an executor down, or forget it when nothing of it is left."""
        over = executor.framework_id in self.ending or not executor.tasks
        if executor.state is State.TERMINATED and over:
            self.executors.pop(executor.key, None)
            self.checkpoints.drop_executor(*executor.key)
            most = self.settings.max_completed_executors
            self.completed.setdefault(executor.framework_id, deque(maxlen=most)).append(executor)
            self.forget_ended(executor.framework_id)
        else:
            self.keep(executor)

    def forget_ended(self, framework_id: str) -> None:
        """A framework that the master has removed is known until its last executor has ended."""
        if framework_id in self.ending and not self.executors_of(framework_id):
            self.ending.discard(framework_id)
            self.completed_frameworks.append(self.frameworks.pop(framework_id))
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Executors are remembered as long as their framework is."""
        remembered = {info["id"]["value"] for info in self.completed_frameworks} | set(self.frameworks)
        for framework_id in set(self.completed) - remembered:
            del self.completed[framework_id]
