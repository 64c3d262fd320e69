"""The master's flags, under the names and with the defaults of Mesos.

Those that a single-machine master has no use for are known too, so that a configuration for a real one
is understood; ``IGNORED`` names them.
"""

from __future__ import annotations

from collections.abc import Iterable

from local.mesos import flags
from local.mesos.flags import FlagError, Flags

DEFAULTS = {
    "agent_ping_timeout": "15secs",
    "agent_reregister_timeout": "10mins",
    "allocation_interval": "1secs",
    "authenticate_http_frameworks": "false",
    "authenticate_http_readonly": "false",
    "authenticate_http_readwrite": "false",
    "hostname_lookup": "false",
    "http_authenticators": "basic",
    "logging_level": "INFO",
    "max_agent_ping_timeouts": "5",
    "max_completed_frameworks": "50",
    "max_completed_tasks_per_framework": "1000",
    "min_allocatable_resources": "cpus:0.01|mem:32",
    "port": "5050",
    "zk_session_timeout": "10secs",
}

IGNORED = {
    "allocator": "hierarchical",
    "allocator_agent_recovery_factor": "0.8",
    "allocator_recovery_timeout": "10mins",
    "authenticate_agents": "false",
    "authenticate_frameworks": "false",
    "authentication_v0_timeout": "15secs",
    "authenticators": "crammd5",
    "authorizers": "local",
    "filter_gpu_resources": "true",
    "framework_sorter": "drf",
    "help": "false",
    "initialize_driver_logging": "true",
    "log_auto_initialize": "true",
    "logbufsecs": "0",
    "max_operator_event_stream_subscribers": "1000",
    "max_unreachable_tasks_per_framework": "1000",
    "memory_profiling": "false",
    "offer_constraints_re2_max_mem": "4KB",
    "offer_constraints_re2_max_program_size": "100",
    "publish_per_framework_metrics": "true",
    "quiet": "false",
    "quorum": "1",
    "recovery_agent_removal_limit": "100%",
    "registry": "replicated_log",
    "registry_fetch_timeout": "1mins",
    "registry_gc_interval": "15mins",
    "registry_max_agent_age": "2weeks",
    "registry_max_agent_count": "102400",
    "registry_store_timeout": "20secs",
    "registry_strict": "false",
    "require_agent_domain": "false",
    "role_sorter": "drf",
    "root_submissions": "true",
    "version": "false",
}

WITHOUT_DEFAULT = (
    "ip",
    "hostname",
    "work_dir",
    "zk",
    "cluster",
    "credentials",
    "http_framework_authenticators",
    "log_dir",
    "offer_timeout",
    "roles",
    "split_records",
)


def read(arguments: Iterable[str]) -> Flags:
    """The master's flags. Raises FlagError."""
    given = flags.read(arguments, [*DEFAULTS, *IGNORED, *WITHOUT_DEFAULT])
    for name in ("ip", "work_dir"):
        if name not in given:
            raise FlagError(f"--{name} is needed")
    return Flags({**IGNORED, **DEFAULTS, "hostname": given["ip"]}, given)
