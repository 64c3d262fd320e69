"""``/metrics/snapshot`` of an agent: numbers under the names of Mesos, as far as this agent has them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from local.mesos.agent.agent import Agent
from local.mesos.agent.executor import State
from local.mesos.resources import Resources

SCALARS = ("cpus", "disk", "gpus", "mem")
TASK_STATES = ("killing", "running", "staging", "starting")


def snapshot(agent: Agent) -> dict[str, float]:
    """All metrics by name."""
    return dict(sorted((f"slave/{name}", float(value)) for name, value in _all(agent)))


def _all(agent: Agent) -> Iterator[tuple[str, float]]:
    executors = agent.executors.values()
    yield "registered", agent.link.registered
    yield "uptime_secs", time.time() - agent.started_at
    yield "frameworks_active", len({executor.framework_id for executor in executors})
    states = Counter(executor.state for executor in executors)
    for state in State:
        yield f"executors_{state.value.lower()}", states[state]
    tasks = Counter(task.state for executor in executors for task in executor.tasks.values())
    for name in TASK_STATES:
        yield f"tasks_{name}", tasks[f"TASK_{name.upper()}"]
    used = Resources(resource for executor in executors for resource in executor.used)
    for name in SCALARS:
        amount, held = agent.resources.scalar(name), used.scalar(name)
        yield f"{name}_total", amount
        yield f"{name}_used", held
        yield f"{name}_percent", held / amount if amount else 0
