"""The agent's flags, under Mesos' names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.mesos import formats
from local.mesos.resources import Resource, Resources

_UNITS = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "secs": 1.0,
    "mins": 60.0, "hrs": 3600.0, "days": 86400.0, "weeks": 604800.0,
}  # fmt: skip


class FlagError(ValueError):
    """A flag that cannot be read; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What an agent was started with. Times are in seconds."""

    master: str
    ip: str
    port: int
    work_dir: Path
    hostname: str
    resources: tuple[Resource, ...]
    attributes: tuple[dict[str, Any], ...] = ()
    executor_registration_timeout: float = 60.0
    executor_reregistration_timeout: float = 2.0
    executor_shutdown_grace_period: float = 5.0
    recovery_timeout: float = 900.0
    subscription_backoff_max: float = 2.0
    executor_environment: Mapping[str, str] = field(default_factory=dict)
    switch_user: bool = True
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def meta(self) -> Path:
        """Where the agent keeps what it must know after a restart."""
        return self.work_dir / "meta"

    @property
    def endpoint(self) -> str:
        """The address that executors talk to."""
        return f"{self.ip}:{self.port}"


def read(arguments: Sequence[str]) -> Settings:
    """Flags as ``--name=value`` or ``--name value``. Raises FlagError."""
    flags = _flags(arguments)
    for name in ("master", "ip", "port", "work_dir", "resources"):
        if name not in flags:
            raise FlagError(f"--{name} is missing")
    times = {
        name: duration(name, flags[name])
        for name in (
            "executor_registration_timeout",
            "executor_reregistration_timeout",
            "executor_shutdown_grace_period",
            "recovery_timeout",
        )
        if name in flags
    }
    return Settings(
        master=flags["master"],
        ip=flags["ip"],
        port=int(flags["port"]),
        work_dir=Path(flags["work_dir"]).resolve(),
        hostname=flags.get("hostname", flags["ip"]),
        resources=tuple(_resources(flags["resources"])),
        attributes=tuple(_attributes(flags.get("attributes", ""))),
        executor_environment=json.loads(flags.get("executor_environment_variables", "{}")),
        switch_user=flags.get("switch_user", "true") == "true",
        flags=flags,
        **times,
    )


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        head = rest.pop(0)
        name, equals, value = head.removeprefix("--").partition("=")
        if not head.startswith("--") or (not equals and not rest):
            raise FlagError(f"{head} is not --flag=value")
        flags[name.replace("-", "_")] = value if equals else rest.pop(0)
    return flags


def duration(name: str, text: str) -> float:
    """Seconds of ``1.5secs`` or ``15mins``. Raises FlagError."""
    match = re.fullmatch(r"([0-9.]+)([a-z]+)", text)
    if match is None or match[2] not in _UNITS:
        raise FlagError(f"--{name}={text} is not a duration such as 5secs")
    return float(match[1]) * _UNITS[match[2]]


def duration_text(seconds: float) -> str:
    """As Mesos prints durations: in the largest unit that leaves a number of at least one."""
    for unit, length in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if seconds >= length:
            return f"{seconds / length:g}{unit}"
    return "0ns"


def _resources(text: str) -> Resources:
    if text.lstrip().startswith("["):
        return Resources(formats.refined(resource) for resource in json.loads(text))
    return formats.parse(text)


def _attributes(text: str) -> list[dict[str, Any]]:
    pairs = (item.split(":", 1) for item in text.split(";") if item)
    return [{"name": name, "type": "TEXT", "text": {"value": value}} for name, value in pairs]
