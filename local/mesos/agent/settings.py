"""The agent's flags, under Mesos' names, as typed values."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.mesos import flags, formats
from local.mesos.flags import FlagError, Flags
from local.mesos.formats import FormatError
from local.mesos.resources import Resource, Resources

REQUIRED = ("master", "ip", "port", "work_dir", "resources")

DEFAULTS = {
    "attributes": "",
    "executor_registration_timeout": "1mins",
    "executor_reregistration_timeout": "2secs",
    "executor_shutdown_grace_period": "5secs",
    "gc_delay": "1weeks",
    "max_completed_executors_per_framework": "150",
    "recovery_timeout": "15mins",
    "switch_user": "true",
}

IGNORED = {
    "appc_simple_discovery_uri_prefix": "http://",
    "authenticate_http_readonly": "false",
    "authenticate_http_readwrite": "false",
    "authenticatee": "crammd5",
    "authentication_backoff_factor": "1secs",
    "authentication_timeout_max": "1mins",
    "authentication_timeout_min": "5secs",
    "authorizer": "local",
    "cgroups_cpu_enable_pids_and_tids_count": "false",
    "cgroups_destroy_timeout": "1mins",
    "cgroups_enable_cfs": "false",
    "cgroups_hierarchy": "/sys/fs/cgroup",
    "cgroups_limit_swap": "false",
    "cgroups_root": "mesos",
    "container_disk_watch_interval": "15secs",
    "containerizers": "mesos",
    "default_role": "*",
    "disallow_sharing_agent_ipc_namespace": "false",
    "disallow_sharing_agent_pid_namespace": "false",
    "disk_watch_interval": "1mins",
    "docker": "docker",
    "docker_ignore_runtime": "false",
    "docker_kill_orphans": "true",
    "docker_registry": "https://registry.example.org",
    "docker_remove_delay": "6hrs",
    "docker_socket": "/var/run/docker.sock",
    "docker_stop_timeout": "0ns",
    "docker_volume_checkpoint_dir": "/var/run/mesos/isolators/docker/volume",
    "docker_volume_chown": "false",
    "enforce_container_disk_quota": "false",
    "fetcher_cache_size": "2GB",
    "fetcher_stall_timeout": "1mins",
    "frameworks_home": "",
    "gc_disk_headroom": "0.1",
    "gc_non_executor_container_sandboxes": "false",
    "help": "false",
    "hostname_lookup": "true",
    "http_command_executor": "false",
    "http_executor_domain_sockets": "false",
    "http_heartbeat_interval": "30secs",
    "initialize_driver_logging": "true",
    "isolation": "posix/cpu,posix/mem",
    "logbufsecs": "0",
    "logging_level": "INFO",
    "memory_profiling": "false",
    "network_cni_metrics": "true",
    "network_cni_root_dir_persist": "false",
    "oversubscribed_resources_interval": "15secs",
    "perf_duration": "10secs",
    "perf_interval": "1mins",
    "qos_correction_interval_min": "0ns",
    "quiet": "false",
    "reconfiguration_policy": "equal",
    "recover": "reconnect",
    "registration_backoff_factor": "1secs",
    "revocable_cpu_low_priority": "true",
    "sandbox_directory": "/mnt/mesos/sandbox",
    "strict": "true",
    "systemd_enable_support": "true",
    "systemd_runtime_directory": "/run/systemd/system",
    "version": "false",
    "zk_session_timeout": "10secs",
    "appc_store_dir": f"{tempfile.gettempdir()}/mesos/store/appc",
    "docker_store_dir": f"{tempfile.gettempdir()}/mesos/store/docker",
}
"""Those that an agent of one machine has no use for, so that a configuration for a real one is understood."""

WITHOUT_DEFAULT = (
    "executor_environment_variables",
    "fetcher_cache_dir",
    "hostname",
    "launcher",
    "runtime_dir",
)

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
    max_completed_executors: int
    """How many are remembered of each framework."""
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
    given = flags.read(arguments, (*REQUIRED, *DEFAULTS, *IGNORED, *WITHOUT_DEFAULT))
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        raise FlagError(f"--{missing[0]} is missing")
    values = Flags({**IGNORED, **DEFAULTS}, given)
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
        max_completed_executors=values.number("max_completed_executors_per_framework"),
        flags=values.as_dict(),
    )


def _object(name: str, values: Flags) -> dict[str, str]:
    try:
        found = json.loads(values.text(name, "{}"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FlagError(f"--{name} is a JSON object")
    return {str(key): str(value) for key, value in found.items()}


def _resources(text: str) -> Resources:
    try:
        return formats.parse(text)
    except FormatError as error:
        raise FlagError(f"--resources: {error}") from error


def _attributes(text: str) -> list[dict[str, Any]]:
    pairs = (item.split(":", 1) for item in text.split(";") if item)
    return [{"name": pair[0], **_value(pair)} for pair in pairs]


def _value(pair: list[str]) -> dict[str, Any]:
    """A number, ranges, or else text. Raises FlagError."""
    if len(pair) < 2:
        raise FlagError(f"--attributes: expected name:value, not '{pair[0]}'")
    try:
        value = formats.value(pair[1])
    except FormatError:
        return {"type": "TEXT", "text": {"value": pair[1]}}
    if value["type"] == "SET":
        raise FlagError(f"--attributes: '{pair[0]}' is a set, which attributes cannot be")
    return value
