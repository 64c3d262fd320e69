"""An executor and its tasks, as the agent knows them."""

from __future__ import annotations

import time
import uuid
from base64 import b64encode
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from local.mesos import schema
from local.mesos.agent.container import Container
from local.mesos.agent.updates import UpdateStream
from local.mesos.enums import TERMINAL_STATES
from local.mesos.resources import Resources, joined
from local.mesos.stream import EventStream

Json = dict[str, Any]

COMPLETED_TASKS = 200
"""As many as a real agent remembers of an executor (src/slave/constants.hpp)."""


class State(str, Enum):
    """How far an executor has come."""

    REGISTERING = "REGISTERING"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


@dataclass
class Task:
    """A task; ``state`` is the newest known, ``delivered`` whether its executor has been told of it."""

    info: Json
    updates: UpdateStream
    state: str = "TASK_STAGING"
    delivered: bool = False
    statuses: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The task's id."""
        return str(self.info["task_id"]["value"])

    @property
    def ended(self) -> bool:
        """Whether its newest state is final."""
        return self.state in TERMINAL_STATES


@dataclass
class Executor:
    """An executor; its stream is None while it is not subscribed. ``command_task``: made for one command."""

    framework_id: str
    info: Json
    container: Container
    command_task: bool = False
    state: State = State.REGISTERING
    stream: EventStream | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    completed_tasks: deque[Task] = field(default_factory=lambda: deque(maxlen=COMPLETED_TASKS))
    """Those that have ended, and whose scheduler knows."""
    killed_for: tuple[str, str, str] | None = None
    """State, reason and message for its tasks, where the agent itself ends the executor."""

    @property
    def id(self) -> str:
        """The executor's id."""
        return str(self.info["executor_id"]["value"])

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.framework_id, self.id

    @property
    def allocated(self) -> Resources:
        """What it and its tasks hold."""
        held = Resources(self.info.get("resources", []))
        return joined(
            [held, *(task.info.get("resources", []) for task in self.tasks.values() if not task.ended)]
        )

    @property
    def sandbox(self) -> Path:
        """Its working directory."""
        return self.container.sandbox

    def with_executor(self, task: Task) -> Json:
        """The TaskInfo as it was sent: with the executor, unless that was made for its command."""
        if self.command_task:
            return task.info
        return schema.ordered("TaskInfo", {**task.info, "executor": self.info})

    def send(self, event: Json) -> None:
        """Tell it something, if it is subscribed."""
        if self.stream is not None:
            self.stream.send(event)


def new_status(
    task_id: str, agent_id: str, executor_id: str | None, state: str, reason: str, message: str
) -> Json:
    """A status update of the agent's own."""
    status: Json = {
        "task_id": {"value": task_id},
        "state": state,
        "message": message,
        "source": "SOURCE_AGENT",
        "reason": reason,
        "agent_id": {"value": agent_id},
    }
    if executor_id is not None:
        status["executor_id"] = {"value": executor_id}
    return {**status, "timestamp": time.time(), "uuid": b64encode(uuid.uuid4().bytes).decode()}
