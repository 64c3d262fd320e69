"""What a Mesos agent tells an executor in its environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "secs": 1.0,
    "mins": 60.0, "hrs": 3600.0, "days": 86400.0, "weeks": 604800.0,
}  # fmt: skip

_DURATION = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(_SECONDS)})")


class ConfigurationError(Exception):
    """The environment is not that of an executor; the message is one sentence for whoever started it."""


@dataclass(frozen=True)
class AgentEnvironment:
    """Whom this executor works for. ``agent`` is host:port; times are in seconds.

    Without ``checkpoint`` the agent forgets its executors when it restarts, so they end with it.
    ``recovery_seconds`` is how long to wait for an agent that is gone, ``backoff_max_seconds`` how long
    an attempt to subscribe again may keep a restarted agent waiting.
    """

    agent: str
    framework_id: str
    executor_id: str
    checkpoint: bool
    recovery_seconds: float
    backoff_max_seconds: float
    token: str | None = field(default=None, repr=False)


def read_environment(environment: Mapping[str, str]) -> AgentEnvironment:
    """Read the ``MESOS_*`` variables. Raises ConfigurationError."""
    return AgentEnvironment(
        agent=_required(environment, "MESOS_AGENT_ENDPOINT"),
        framework_id=_required(environment, "MESOS_FRAMEWORK_ID"),
        executor_id=_required(environment, "MESOS_EXECUTOR_ID"),
        checkpoint=_flag(environment, "MESOS_CHECKPOINT"),
        recovery_seconds=_duration(environment, "MESOS_RECOVERY_TIMEOUT", "15mins"),
        backoff_max_seconds=_duration(environment, "MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        token=environment.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN") or None,
    )


def parse_duration(text: str) -> float:
    """Seconds of a duration as Mesos writes it: ``1.5secs``, ``15mins``. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 2secs or 15mins")
    return float(match[1]) * _SECONDS[match[2]]


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise ConfigurationError(f"{name} is not set: an executor is started by a Mesos agent, not by hand")
    return value


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name) or "0"
    if value not in ("0", "1"):
        raise ConfigurationError(f"{name} is {value!r}, but a Mesos agent sets 0 or 1")
    return value == "1"


def _duration(environment: Mapping[str, str], name: str, default: str) -> float:
    try:
        return parse_duration(environment.get(name, default))
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
