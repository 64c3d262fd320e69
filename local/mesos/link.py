"""What the master and an agent of the one-machine Mesos say to each other.

A real Mesos uses libprocess messages here; frameworks never see them, so ours are JSON and as few as
possible. Resources, tasks, executors, statuses
and ids (``{"value": ...}``) have the shapes of the public v1 API.

The agent opens ``POST /internal/agents`` on the master with a ``Registration`` and keeps the answer
open: a RecordIO stream of ``{"type": ..., ...}`` commands, the first of which is REGISTERED. The end of
that stream is the disconnection of the agent, for both sides. What the agent has to say it posts to
``/internal/agents/<agent id>`` as one ``{"type": ..., ...}`` object, answered by 202 (or 404 when the
master does not know the agent, which then registers anew).

Commands, master to agent:

========================  ==================================================================================
REGISTERED                agent_id, ping_timeout_seconds (silence after which the agent registers anew)
PING                      answered by PONG; the master counts missed ones. An agent without a stream is asked
                          for its /health instead: one that is recovering is not lost
REMOVED                   message: the master has given the agent up (marked gone): end all executors, exit
RUN                       framework_info (with id), task (TaskInfo, executor filled in where it has one)
KILL                      framework_id, task_id, kill_policy (absent when not given)
SHUTDOWN_EXECUTOR         framework_id, executor_id
SHUTDOWN_FRAMEWORK        framework_id: end all its executors (it was removed or torn down)
MESSAGE                   framework_id, executor_id, data (base64): scheduler to executor
ACKNOWLEDGE               framework_id, task_id, uuid: the scheduler has the update
UPDATE_FRAMEWORK          framework_info: name, failover time-out or the like changed
APPLY                     operation (Offer.Operation, resources without allocation_info) with framework_id and
                          uuid when a framework asked for feedback: RESERVE, UNRESERVE, CREATE, DESTROY
ACKNOWLEDGE_OPERATION     uuid (that of the status): the scheduler has the update
========================  ==================================================================================

Reports, agent to master:

========================  ==================================================================================
PONG
UPDATE                    framework_id, status (TaskStatus with uuid), latest_state: forwarded to the
                          scheduler, repeated (10 s, doubling to 10 min) until ACKNOWLEDGE
EXITED_EXECUTOR           framework_id, executor_id, status (raw wait status)
MESSAGE                   framework_id, executor_id, data: executor to scheduler
OPERATION                 framework_id, uuid (that of APPLY), status (OperationStatus with a uuid of its own):
                          repeated like UPDATE until ACKNOWLEDGE_OPERATION
UNREGISTER                message: clean shutdown (SIGUSR1)
========================  ==================================================================================
"""

from __future__ import annotations

from typing import Any, TypedDict

Json = dict[str, Any]


class Registration(TypedDict, total=False):
    """What an agent says of itself when it (re-)registers.

    ``agent_id`` is absent at first and kept in the agent's metadata afterwards. ``agent_info`` is the
    AgentInfo of the v1 API (hostname, port, resources as given by flags, attributes). ``resources`` is
    the total with dynamic reservations and persistent volumes applied, as checkpointed. ``frameworks``,
    ``executors`` and ``tasks`` are those the agent still runs: an executor is
    ``{"framework_id", "executor_info"}``, a task ``{"framework_id", "task" (TaskInfo), "state" (latest),
    "statuses" (not yet acknowledged first)}``, ``completed`` ones included until their terminal update is
    acknowledged. ``operations`` are those whose outcome is not acknowledged: ``{"framework_id", "uuid",
    "operation", "status"}``, as in APPLY and OPERATION.
    """

    agent_id: Json
    agent_info: Json
    ip: str
    port: int
    pid: str
    version: str
    start_time: float
    resources: list[Json]
    frameworks: list[Json]
    executors: list[Json]
    tasks: list[Json]
    operations: list[Json]
