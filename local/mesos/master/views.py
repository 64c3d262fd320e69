"""What the master's read-only endpoints show. Keys and their spelling (``slave_id``) are those of Mesos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping

from local.mesos import build, formats
from local.mesos.master.item_views import (
    agent_info,
    agent_view,
    framework_summary,
    framework_view,
    full_resources,
    task_view,
)
from local.mesos.master.model import Framework, Json, Task
from local.mesos.master.state import CAPABILITIES, State
from local.mesos.resources import Resources, joined

SUMMED_STATES = """TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_KILLED TASK_FAILED
    TASK_LOST TASK_ERROR TASK_UNREACHABLE""".split()  # noqa: SIM905, one string reads better than ten


def state(master: State) -> Json:
    """All of it."""
    agents = master.agents.values()
    info, known = master.info, frameworks(master)
    return {
        **build.version_info(),
        "start_time": master.start_time,
        "elected_time": master.elected_time,
        "id": master.id,
        "pid": info["pid"],
        "hostname": info["hostname"],
        "capabilities": list(CAPABILITIES),
        "activated_slaves": float(sum(agent.connected for agent in agents)),
        "deactivated_slaves": float(sum(not agent.connected for agent in agents)),
        "unreachable_slaves": float(len(master.registry.unreachable)),
        "leader": info["pid"],
        "leader_info": {key: info[key] for key in ("id", "pid", "port", "hostname")},
        "flags": master.flags.as_dict(),
        "slaves": [agent_view(agent) for agent in agents],
        "recovered_slaves": [agent_info(agent_id, item) for agent_id, item in master.recovered.items()],
        "frameworks": known["frameworks"],
        "completed_frameworks": known["completed_frameworks"],
        "orphan_tasks": [],
        "unregistered_frameworks": known["unregistered_frameworks"],
    }


def agents(master: State, wanted: str | None = None) -> Json:
    """Agents with all their resources in full; all, or the wanted one."""
    return {
        "slaves": [
            {**agent_view(agent), **full_resources(agent)}
            for agent in master.agents.values()
            if wanted in (None, agent.id)
        ],
        "recovered_slaves": [
            agent_info(agent_id, item)
            for agent_id, item in master.recovered.items()
            if wanted in (None, agent_id)
        ],
    }


def frameworks(master: State, wanted: str | None = None) -> Json:
    """Frameworks; all, or the wanted one."""
    groups = {"frameworks": master.frameworks.values(), "completed_frameworks": master.completed}
    return {
        **{
            key: [framework_view(master, item) for item in group if wanted in (None, item.id)]
            for key, group in groups.items()
        },
        "unregistered_frameworks": [],
    }


def tasks(master: State, query: Mapping[str, str]) -> Json:
    """Tasks of all frameworks, newest first or as asked: ``limit``, ``offset``, ``order``, ids."""
    found = [
        task
        for framework in [*master.frameworks.values(), *master.completed]
        for task in _all_tasks(framework)
        if query.get("framework_id") in (None, framework.id) and query.get("task_id") in (None, task.id)
    ]
    found.sort(key=_started, reverse=query.get("order") != "asc")
    offset, limit = _number(query, "offset", 0), _number(query, "limit", 100)
    return {"tasks": [task_view(task) for task in found[offset : offset + limit]]}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdigit() else default


def _started(task: Task) -> float:
    return float(task.statuses[0]["timestamp"]) if task.statuses else time.time()


def _all_tasks(framework: Framework) -> list[Task]:
    active, lost = framework.tasks.values(), framework.unreachable_tasks.values()
    return [*active, *lost, *framework.completed_tasks]


def roles(master: State) -> Json:
    """Every role that a framework has or that something is reserved for."""
    names = {role for framework in master.frameworks.values() for role in framework.roles}
    names |= {role for agent in master.agents.values() for role in agent.reserved}
    return {"roles": [_role_view(master, name) for name in sorted(names)]}


def role_resources(master: State, role: str) -> tuple[Resources, Resources]:
    """What is allocated to a role, and what is offered to it."""

    def of_role(parts: Iterable[Resources]) -> Resources:
        return joined(part.filter(lambda r: bool(r["allocation_info"]["role"] == role)) for part in parts)

    agents = master.agents.values()
    return of_role(agent.used for agent in agents), of_role(agent.offered for agent in agents)


def _role_view(master: State, role: str) -> Json:
    used, offered = role_resources(master, role)
    reserved = joined(agent.reserved.get(role, Resources()) for agent in master.agents.values())
    unreserved_use = used.filter(lambda resource: "reservations" not in resource)
    quota = {"role": role, "guarantee": {}, "limit": {}}
    return {
        "name": role,
        "weight": 1.0,
        "quota": {**quota, "consumed": formats.quantities([*reserved, *unreserved_use])},
        "resources": formats.quantities([*used, *offered]),
        "allocated": formats.quantities(used),
        "offered": formats.quantities(offered),
        "reserved": formats.quantities(reserved),
        "frameworks": [item.id for item in master.frameworks.values() if role in item.roles],
    }


def summary(master: State) -> Json:
    """Agents and frameworks with numbers of tasks in place of the tasks."""
    known = list(master.frameworks.values())
    everything = [task for framework in known for task in _all_tasks(framework)]
    cluster = master.flags.text("cluster")
    return {
        "hostname": master.info["hostname"],
        **({"cluster": cluster} if cluster else {}),
        "slaves": [
            {
                **agent_view(agent),
                **_state_counts(task for task in everything if task.agent_id == agent.id),
                "framework_ids": _unique(t.framework_id for t in everything if t.agent_id == agent.id),
            }
            for agent in master.agents.values()
        ],
        "frameworks": [
            {
                **framework_summary(master, framework),
                **_state_counts(_all_tasks(framework)),
                "slave_ids": _unique(task.agent_id for task in _all_tasks(framework)),
            }
            for framework in known
        ],
    }


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _state_counts(found: Iterable[Task]) -> dict[str, int]:
    counts = Counter(task.state for task in found)
    return {name: counts[name] for name in SUMMED_STATES}
