"""What the master's read-only endpoints show. Keys and their spelling (``slave_id``) are those of Mesos."""

from __future__ import annotations

import getpass
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.mesos import formats, values
from local.mesos.master.model import Agent, Framework, Json, Offer, Task, joined
from local.mesos.master.state import CAPABILITIES, VERSION, State
from local.mesos.resources import Resources

AGENT_CAPABILITIES = (
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
)
"""What frameworks may expect of every agent."""

SUMMED_STATES = """TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_KILLED TASK_FAILED
    TASK_LOST TASK_ERROR TASK_UNREACHABLE""".split()  # noqa: SIM905, one string reads better than ten


def version() -> Json:
    """Which version of the API this is; the time is that of this program."""
    built = Path(__file__).stat().st_mtime
    return {
        "build_date": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(built)),
        "build_time": built,
        "build_user": getpass.getuser(),
        "version": VERSION,
    }


def state(master: State) -> Json:
    """All of it."""
    agents = master.agents.values()
    info = master.info
    return {
        **version(),
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
        "recovered_slaves": [_agent_info(agent_id, item) for agent_id, item in master.recovered.items()],
        **frameworks(master),
        "orphan_tasks": [],
    }


def agents(master: State, wanted: str | None = None) -> Json:
    """Agents with all their resources in full; all, or the wanted one."""
    return {
        "slaves": [
            {**agent_view(agent), **_full_resources(agent)}
            for agent in master.agents.values()
            if wanted in (None, agent.id)
        ],
        "recovered_slaves": [
            _agent_info(agent_id, item)
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
                **_framework_summary(master, framework),
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


def agent_view(agent: Agent) -> Json:
    """An agent, its resources as totals."""
    again = {} if agent.reregistered_time is None else {"reregistered_time": agent.reregistered_time}
    return {
        **_agent_info(agent.id, agent.info),
        "pid": agent.pid,
        "registered_time": agent.registered_time,
        **again,
        "resources": formats.totals(agent.total),
        "used_resources": formats.totals(agent.used),
        "offered_resources": formats.totals(agent.offered),
        "reserved_resources": {role: formats.totals(part) for role, part in agent.reserved.items()},
        "unreserved_resources": formats.totals(unreserved(agent)),
        "active": agent.connected,
        "deactivated": False,
        "version": agent.version,
        "capabilities": list(AGENT_CAPABILITIES),
    }


def _agent_info(agent_id: str, info: Json) -> Json:
    attributes = {item["name"]: _attribute(item) for item in info.get("attributes", [])}
    return {
        "id": agent_id,
        "hostname": info["hostname"],
        "port": info["port"],
        "attributes": attributes,
    }


def _attribute(attribute: Json) -> float | str:
    value = attribute[attribute["type"].lower()]
    if attribute["type"] == "SCALAR":
        return float(value["value"])
    return str(value["value"]) if attribute["type"] == "TEXT" else values.text(attribute["type"], value)


def unreserved(agent: Agent) -> Resources:
    """What no role has for itself."""
    return agent.total.filter(lambda resource: "reservations" not in resource)


def _full_resources(agent: Agent) -> Json:
    reserved = {role: _endpoint(part) for role, part in agent.reserved.items()}
    return {
        "reserved_resources_full": reserved,
        "unreserved_resources_full": _endpoint(unreserved(agent)),
        "used_resources_full": _endpoint(agent.used),
        "offered_resources_full": _endpoint(agent.offered),
    }


def _endpoint(resources: Resources) -> list[Json]:
    return [formats.endpoint(resource) for resource in resources]


def used_by(master: State, framework: Framework) -> Resources:
    """What a framework's tasks and executors hold, on all agents."""
    return joined(agent.used_by(framework.id) for agent in master.agents.values())


def offered_to(framework: Framework) -> Resources:
    """What is in a framework's outstanding offers."""
    return joined(offer.resources for offer in framework.offers.values())


def _framework_summary(master: State, framework: Framework) -> Json:
    return {
        "id": framework.id,
        "name": framework.info["name"],
        "used_resources": formats.totals(used_by(master, framework)),
        "offered_resources": formats.totals(offered_to(framework)),
        "capabilities": framework.capabilities,
        "hostname": framework.info.get("hostname", ""),
        "webui_url": framework.info.get("webui_url", ""),
        "active": framework.connected,
        "connected": framework.connected,
        "recovered": framework.recovered,
    }


def framework_view(master: State, framework: Framework) -> Json:
    """A framework with its tasks, offers and executors."""
    info = framework.info
    multi_role = framework.can("MULTI_ROLE")
    optional = {
        "principal": info.get("principal"),
        "reregistered_time": framework.reregistered_time,
        "labels": info["labels"].get("labels", []) if "labels" in info else None,
    }
    executors = [
        {**executor_view(item), "slave_id": agent.id}
        for agent in master.agents.values()
        for item in agent.executors.get(framework.id, {}).values()
    ]
    return {
        **_framework_summary(master, framework),
        "user": info["user"],
        "failover_timeout": info["failover_timeout"],
        "checkpoint": info["checkpoint"],
        "registered_time": framework.registered_time,
        "unregistered_time": framework.unregistered_time,
        "resources": formats.totals([*used_by(master, framework), *offered_to(framework)]),
        **({"roles": framework.roles} if multi_role else {"role": framework.roles[0]}),
        "tasks": [task_view(task) for task in framework.tasks.values()],
        "unreachable_tasks": [task_view(task) for task in framework.unreachable_tasks.values()],
        "completed_tasks": [task_view(task) for task in framework.completed_tasks],
        "offers": [_offer_view(offer) for offer in framework.offers.values()],
        "executors": executors,
        "offer_constraints": framework.offer_constraints,
        **{key: value for key, value in optional.items() if value is not None},
    }


def task_view(task: Task) -> Json:
    """A task with its statuses."""
    optional = ("discovery", "container", "health_check")
    labels = {"labels": task.info["labels"].get("labels", [])} if "labels" in task.info else {}
    return {
        "id": task.id,
        "name": task.info["name"],
        "framework_id": task.framework_id,
        "executor_id": task.executor_id or "",
        "slave_id": task.agent_id,
        "state": task.state,
        "resources": formats.totals(task.resources),
        "role": task.role,
        "statuses": [_status_view(status) for status in task.statuses],
        **labels,
        **{key: task.info[key] for key in optional if key in task.info},
    }


def _status_view(status: Json) -> Json:
    view: Json = {key: status[key] for key in ("state", "timestamp", "healthy") if key in status}
    if "labels" in status:
        view["labels"] = status["labels"].get("labels", [])
    if "container_status" in status:
        shown = ("container_id", "network_infos", "cgroup_info")
        container = status["container_status"]
        view["container_status"] = {key: container[key] for key in shown if key in container}
    return view


def executor_view(info: Json) -> Json:
    """An executor."""
    resources = info.get("resources", [])
    labels = {"labels": info["labels"].get("labels", [])} if "labels" in info else {}
    role = {"role": resources[0]["allocation_info"]["role"]} if resources else {}
    return {
        "executor_id": info["executor_id"]["value"],
        "name": info.get("name", ""),
        "framework_id": info["framework_id"]["value"],
        "command": _command_view(info.get("command", {})),
        "resources": formats.totals(resources),
        **role,
        **labels,
        **({"type": info["type"]} if "type" in info else {}),
    }


def _command_view(command: Json) -> Json:
    optional = ("value", "environment")
    return {
        **{key: command[key] for key in optional if key in command},
        "argv": command.get("arguments", []),
        "uris": [
            {"value": uri["value"], "executable": uri.get("executable", False)}
            for uri in command.get("uris", [])
        ],
    }


def _offer_view(offer: Offer) -> Json:
    return {
        "id": offer.id,
        "framework_id": offer.framework.id,
        "allocation_info": {"role": offer.role},
        "slave_id": offer.agent.id,
        "resources": formats.totals(offer.resources),
    }
