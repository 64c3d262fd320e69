"""An agent's ``/metrics/snapshot``: numbers under the names of Mesos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from local.mesos import duration, system
from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import State
from local.mesos.resources import joined

COUNTED = """containerizer/fetcher/task_fetches_failed containerizer/fetcher/task_fetches_succeeded
    containerizer/mesos/container_destroy_errors
    containerizer/mesos/provisioner/bind/remove_rootfs_errors
    containerizer/mesos/provisioner/remove_container_errors
    gc/path_removals_failed gc/path_removals_pending gc/path_removals_succeeded
    resource_provider_manager/events/disconnect resource_provider_manager/events/subscribe
    resource_provider_manager/subscribed
    slave/container_launch_errors slave/executors_preempted slave/executors_terminated
    slave/invalid_framework_messages slave/invalid_status_updates slave/recovery_errors
    slave/tasks_failed slave/tasks_finished slave/tasks_gone slave/tasks_killed slave/tasks_lost
    slave/valid_framework_messages slave/valid_status_updates""".split()  # noqa: SIM905, reads better
"""What only counts up, 0 until it happens."""

SCALARS = ("cpus", "disk", "gpus", "mem")
ACTIVE_STATES = ("killing", "running", "staging", "starting")
FETCHER_CACHE_BYTES = 2 << 30


def snapshot(agent: Agent) -> dict[str, float]:
    """All numbers as of now, by name."""
    parts = (_counts(agent), _gauges(agent), _executors(agent), _resources(agent), system.metrics())
    return dict(sorted((name, float(value)) for part in parts for name, value in part))


def _counts(agent: Agent) -> Iterator[tuple[str, float]]:
    return ((name, agent.counts[name]) for name in COUNTED)


def _gauges(agent: Agent) -> Iterator[tuple[str, float]]:
    flags = agent.settings.flags
    yield "containerizer/fetcher/cache_size_total_bytes", FETCHER_CACHE_BYTES
    yield "containerizer/fetcher/cache_size_used_bytes", 0
    kept = duration.parse(flags["gc_delay"]) * (1 - float(flags["gc_disk_headroom"]))
    yield "slave/executor_directory_max_allowed_age_secs", kept
    yield "slave/recovery_time_secs", agent.recovery_seconds
    yield "slave/registered", agent.link.registered
    yield "slave/uptime_secs", time.time() - agent.started_at


def _executors(agent: Agent) -> Iterator[tuple[str, float]]:
    executors = list(agent.live_executors())
    states = Counter(executor.state for executor in executors)
    for state in (State.REGISTERING, State.RUNNING, State.TERMINATING):
        yield f"slave/executors_{state.value.lower()}", states[state]
    yield "slave/frameworks_active", len({executor.framework_id for executor in executors})
    tasks = Counter(task.state for executor in executors for task in executor.tasks.values())
    for name in ACTIVE_STATES:
        yield f"slave/tasks_{name}", tasks[f"TASK_{name.upper()}"]


def _resources(agent: Agent) -> Iterator[tuple[str, float]]:
    used = joined(executor.allocated for executor in agent.live_executors())
    for name in SCALARS:
        total, held = agent.resources.scalar(name), used.scalar(name)
        yield f"slave/{name}_total", total
        yield f"slave/{name}_used", held
        yield f"slave/{name}_percent", held / total if total else 0
        for kind in ("total", "used", "percent"):
            yield f"slave/{name}_revocable_{kind}", 0
