"""The agent's flags, under Mesos' names, as typed values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.mesos import flags, formats
from local.mesos.flags import FlagError, Flags
from local.mesos.resources import Resource, Resources

REQUIRED = ("master", "ip", "port", "work_dir", "resources")

DEFAULTS = {
    "attributes": "",
    "executor_environment_variables": "{}",
    "executor_registration_timeout": "1mins",
    "executor_reregistration_timeout": "2secs",
    "executor_shutdown_grace_period": "5secs",
    "gc_delay": "1weeks",
    "recovery_timeout": "15mins",
    "switch_user": "true",
}

SUBSCRIPTION_BACKOFF_MAX_SECONDS = 2.0


@dataclass(frozen=True)
class Settings:
    """What an agent was started with. Times are in seconds."""

    master: str
    ip: str
    port: int
    work_dir: Path
    hostname: str
    resources: tuple[Resource, ...]
    attributes: tuple[dict[str, Any], ...]
    executor_registration_timeout: float
    executor_reregistration_timeout: float
    executor_shutdown_grace_period: float
    recovery_timeout: float
    executor_environment: Mapping[str, str]
    switch_user: bool
    flags: Mapping[str, str]

    @property
    def meta(self) -> Path:
        """Where the agent keeps what it must know after a restart."""
        return self.work_dir / "meta"

    @property
    def endpoint(self) -> str:
        """The address that executors talk to."""
        return f"{self.ip}:{self.port}"


def read(arguments: Iterable[str]) -> Settings:
    """The settings of a command line. Raises FlagError."""
    given = flags.read(arguments, (*REQUIRED, *DEFAULTS, "hostname"))
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        raise FlagError(f"--{missing[0]} is missing")
    values = Flags(DEFAULTS, given)
    return Settings(
        master=values.text("master"),
        ip=values.text("ip"),
        port=values.number("port"),
        work_dir=Path(values.text("work_dir")).resolve(),
        hostname=values.text("hostname", values.text("ip")),
        resources=tuple(_resources(values.text("resources"))),
        attributes=tuple(_attributes(values.text("attributes"))),
        executor_registration_timeout=values.seconds("executor_registration_timeout"),
        executor_reregistration_timeout=values.seconds("executor_reregistration_timeout"),
        executor_shutdown_grace_period=values.seconds("executor_shutdown_grace_period"),
        recovery_timeout=values.seconds("recovery_timeout"),
        executor_environment=_object("executor_environment_variables", values),
        switch_user=values.is_on("switch_user"),
        flags=values.as_dict(),
    )


def _object(name: str, values: Flags) -> dict[str, str]:
    try:
        found = json.loads(values.text(name))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FlagError(f"--{name} is a JSON object")
    return {str(key): str(value) for key, value in found.items()}


def _resources(text: str) -> Resources:
    if text.lstrip().startswith("["):
        return Resources(formats.refined(resource) for resource in json.loads(text))
    return formats.parse(text)


def _attributes(text: str) -> list[dict[str, Any]]:
    pairs = (item.split(":", 1) for item in text.split(";") if item)
    return [{"name": name, "type": "TEXT", "text": {"value": value}} for name, value in pairs]
