"""What the operator API shows: messages of the v1 API, resources of agents and frameworks in both forms."""

from __future__ import annotations

from collections.abc import Mapping

from local.mesos import build, shown
from local.mesos.build import AGENT_CAPABILITIES
from local.mesos.master import item_views, offers, statuses, views
from local.mesos.master.model import Agent, Framework, Json, Task
from local.mesos.master.state import State


def version() -> Json:
    """GET_VERSION."""
    return {"version_info": build.version_info()}


def master(state: State) -> Json:
    """GET_MASTER."""
    times = {"start_time": state.start_time, "elected_time": state.elected_time}
    return {"master_info": state.info, **times}


def flags(state: State) -> Json:
    """GET_FLAGS."""
    return {"flags": shown.pairs(state.flags.as_dict())}


def metrics(snapshot: Mapping[str, float]) -> Json:
    """GET_METRICS."""
    return {"metrics": shown.pairs(snapshot)}


def state(state: State) -> Json:
    """GET_STATE."""
    return {
        "get_tasks": tasks(state),
        "get_executors": executors(state),
        "get_frameworks": frameworks(state),
        "get_agents": agents(state),
    }


def agents(state: State) -> Json:
    """GET_AGENTS."""
    recovered = [{**info, "id": {"value": agent_id}} for agent_id, info in state.recovered.items()]
    return {"agents": [_agent(agent) for agent in state.agents.values()], "recovered_agents": recovered}


def _agent(agent: Agent) -> Json:
    again = agent.reregistered_time
    return {
        "agent_info": {**agent.info, "checkpoint": True},
        "active": agent.connected,
        "deactivated": False,
        "version": agent.version,
        "pid": agent.pid,
        "registered_time": statuses.time_info(agent.registered_time),
        **({} if again is None else {"reregistered_time": statuses.time_info(again)}),
        "total_resources": shown.endpoint(agent.total),
        "allocated_resources": shown.endpoint(agent.used),
        "offered_resources": shown.endpoint(agent.offered),
        "capabilities": [{"type": name} for name in AGENT_CAPABILITIES],
    }


def frameworks(state: State) -> Json:
    """GET_FRAMEWORKS."""
    return {
        "frameworks": [_framework(state, framework) for framework in state.frameworks.values()],
        "completed_frameworks": [_framework(state, framework) for framework in state.completed],
    }


def _framework(state: State, framework: Framework) -> Json:
    again = framework.reregistered_time or framework.registered_time
    over = framework.unregistered_time
    lists = {
        "offers": [offers.message(offer) for offer in framework.offers.values()],
        "allocated_resources": shown.endpoint(item_views.used_by(state, framework)),
        "offered_resources": shown.endpoint(item_views.offered_to(framework)),
    }
    return {
        "framework_info": framework.info,
        "active": framework.connected,
        "connected": framework.connected,
        "recovered": framework.recovered,
        "registered_time": statuses.time_info(framework.registered_time),
        "reregistered_time": statuses.time_info(again),
        **({"unregistered_time": statuses.time_info(over)} if over else {}),
        **{name: items for name, items in lists.items() if items},
        "offer_constraints": framework.offer_constraints,
    }


def executors(state: State) -> Json:
    """GET_EXECUTORS."""
    return {
        "executors": [
            {"executor_info": info, "agent_id": {"value": agent.id}}
            for agent in state.agents.values()
            for by_id in agent.executors.values()
            for info in by_id.values()
        ]
    }


def tasks(state: State) -> Json:
    """GET_TASKS."""
    known = list(state.frameworks.values())
    ever = [*known, *state.completed]
    return {
        "tasks": [_task(task) for item in known for task in item.tasks.values()],
        "unreachable_tasks": [_task(task) for item in known for task in item.unreachable_tasks.values()],
        "completed_tasks": [_task(task) for item in ever for task in item.completed_tasks],
    }


def _task(task: Task) -> Json:
    last = {"status_update_state": task.forwarded_state, "status_update_uuid": task.forwarded_uuid}
    return shown.api_task(
        task.info, task.framework_id, task.executor_id, task.agent_id, task.state, task.statuses, last
    )


def operations(state: State) -> Json:
    """GET_OPERATIONS: those whose outcome a framework has still to acknowledge."""
    found = [
        {
            "framework_id": {"value": operation.framework_id},
            "agent_id": {"value": operation.agent_id},
            "info": operation.info,
            "latest_status": operation.status,
            "statuses": [operation.status],
            "uuid": {"value": operation.uuid},
        }
        for agent in state.agents.values()
        for operation in agent.operations.values()
    ]
    return {"operations": found} if found else {}


def roles(state: State) -> Json:
    """GET_ROLES."""
    return {"roles": [_role(role) for role in views.roles(state)["roles"]]}


def _role(role: Json) -> Json:
    scalars = {name: value for name, value in role["resources"].items() if name != "ports"}
    lists = {
        "frameworks": [{"value": framework_id} for framework_id in role["frameworks"]],
        "resources": [
            {"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in scalars.items()
        ],
    }
    shown = {name: items for name, items in lists.items() if items}
    return {"name": role["name"], "weight": role["weight"], **shown}
