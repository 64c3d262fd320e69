"""Tasks as Mesos knows them: states, and the updates that tell of them."""

from __future__ import annotations

from dataclasses import dataclass

STAGING = "TASK_STAGING"
STARTING = "TASK_STARTING"
RUNNING = "TASK_RUNNING"
KILLING = "TASK_KILLING"
UNREACHABLE = "TASK_UNREACHABLE"
UNKNOWN = "TASK_UNKNOWN"
LOST = "TASK_LOST"
DROPPED = "TASK_DROPPED"
GONE = "TASK_GONE"
GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
FINISHED = "TASK_FINISHED"
FAILED = "TASK_FAILED"
KILLED = "TASK_KILLED"
ERROR = "TASK_ERROR"

TERMINAL = frozenset({FINISHED, FAILED, KILLED, ERROR, LOST, DROPPED, GONE, GONE_BY_OPERATOR})
"""States that are final: the task does not run and never will again."""

ALIVE = frozenset({STAGING, STARTING, RUNNING, KILLING, UNREACHABLE})
"""States in which the task runs or may run."""

RECONCILIATION = "REASON_RECONCILIATION"
"""The reason of an update that answers a question, and tells nothing that is new of the task."""


@dataclass(frozen=True)
class TaskUpdate:
    """A status update.

    ``uuid`` (as sent, base64) is None where the master made the update up, which is then not
    acknowledged. ``data`` is decoded from base64. ``timestamp`` is in seconds since the epoch.
    """

    task_id: str
    state: str
    agent_id: str | None = None
    executor_id: str | None = None
    uuid: str | None = None
    reason: str | None = None
    message: str = ""
    source: str | None = None
    timestamp: float = 0.0
    data: bytes = b""
