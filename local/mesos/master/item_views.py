"""Single agents, frameworks, tasks, executors and offers as the read-only endpoints show them."""

from __future__ import annotations

from local.mesos import formats, shown
from local.mesos.build import AGENT_CAPABILITIES
from local.mesos.master.model import Agent, Framework, Json, Offer, Task
from local.mesos.master.state import State
from local.mesos.resources import Resources, joined


def agent_view(agent: Agent) -> Json:
    """An agent, its resources as totals."""
    again = {} if agent.reregistered_time is None else {"reregistered_time": agent.reregistered_time}
    return {
        **agent_info(agent.id, agent.info),
        "pid": agent.pid,
        "registered_time": agent.registered_time,
        **again,
        "resources": formats.totals(agent.total),
        "used_resources": formats.totals(agent.used),
        "offered_resources": formats.totals(agent.offered),
        "reserved_resources": {role: formats.totals(part) for role, part in agent.reserved.items()},
        "unreserved_resources": formats.totals(shown.unreserved(agent.total)),
        "active": agent.connected,
        "deactivated": False,
        "version": agent.version,
        "capabilities": list(AGENT_CAPABILITIES),
    }


def agent_info(agent_id: str, info: Json) -> Json:
    """What an agent says of itself."""
    return {
        "id": agent_id,
        "hostname": info["hostname"],
        "port": info["port"],
        "attributes": shown.attributes(info.get("attributes", [])),
    }


def full_resources(agent: Agent) -> Json:
    """An agent's resources one by one, as ``/slaves`` adds them to the totals."""
    reserved = {role: shown.endpoint(part) for role, part in agent.reserved.items()}
    return {
        "reserved_resources_full": reserved,
        "unreserved_resources_full": shown.endpoint(shown.unreserved(agent.total)),
        "used_resources_full": shown.endpoint(agent.used),
        "offered_resources_full": shown.endpoint(agent.offered),
    }


def used_by(master: State, framework: Framework) -> Resources:
    """What a framework's tasks and executors hold, on all agents."""
    return joined(agent.used_by(framework.id) for agent in master.agents.values())


def offered_to(framework: Framework) -> Resources:
    """What is in a framework's outstanding offers."""
    return joined(offer.resources for offer in framework.offers.values())


def framework_summary(master: State, framework: Framework) -> Json:
    """A framework without its tasks, as ``/state-summary`` shows it."""
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
        **framework_summary(master, framework),
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
    return shown.task(
        task.info, task.framework_id, task.executor_id or "", task.agent_id, task.state, task.statuses
    )


def executor_view(info: Json) -> Json:
    """An executor."""
    resources = info.get("resources", [])
    labels = {"labels": info["labels"].get("labels", [])} if "labels" in info else {}
    return {
        "executor_id": info["executor_id"]["value"],
        "name": info.get("name", ""),
        "framework_id": info["framework_id"]["value"],
        "command": _command_view(info.get("command", {})),
        "resources": formats.totals(resources),
        **shown.role(resources),
        **labels,
        **({"type": info["type"]} if "type" in info else {}),
    }


def _command_view(command: Json) -> Json:
    return {
        **({"value": command["value"]} if "value" in command else {}),
        "argv": command.get("arguments", []),
        **({"environment": command["environment"]} if "environment" in command else {}),
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
