"""What an executor finds in its environment. Nothing of the agent's own is handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.mesos import duration
from local.mesos.agent.settings import SUBSCRIPTION_BACKOFF_MAX_SECONDS, Settings

Json = dict[str, Any]

HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build(
    settings: Settings, agent_id: str, framework: Json, executor: Json, sandbox: Path
) -> dict[str, str]:
    """The variables of one executor; those of its command win."""
    variables = {
        **settings.executor_environment,
        "MESOS_FRAMEWORK_ID": framework["id"]["value"],
        "MESOS_EXECUTOR_ID": executor["executor_id"]["value"],
        "MESOS_DIRECTORY": str(sandbox),
        "MESOS_SANDBOX": str(sandbox),
        "MESOS_SLAVE_ID": agent_id,
        "MESOS_SLAVE_PID": f"slave(1)@{settings.endpoint}",
        "MESOS_AGENT_ENDPOINT": settings.endpoint,
        "MESOS_CHECKPOINT": "1" if framework.get("checkpoint") else "0",
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": duration.text(grace_seconds(settings, executor)),
        "LIBPROCESS_IP": settings.ip,
        "LIBPROCESS_PORT": "0",
    }
    if framework.get("checkpoint"):
        variables["MESOS_RECOVERY_TIMEOUT"] = duration.text(settings.recovery_timeout)
        variables["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = duration.text(SUBSCRIPTION_BACKOFF_MAX_SECONDS)
    given = executor["command"].get("environment", {}).get("variables", [])
    variables |= {item["name"]: item.get("value", "") for item in given}
    return {"PATH": HOST_PATH, **variables}


def grace_seconds(settings: Settings, executor: Json) -> float:
    """How long an executor may take to shut down."""
    own = executor.get("shutdown_grace_period")
    return own["nanoseconds"] / 1e9 if own else settings.executor_shutdown_grace_period
