"""What the read-only endpoints of both masters and agents show, in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local.mesos import formats, values
from local.mesos.resources import Resource, Resources

Json = dict[str, Any]


def attributes(items: Iterable[Json]) -> Json:
    """Attributes by name."""
    return {item["name"]: _attribute(item) for item in items}


def _attribute(attribute: Json) -> float | str:
    value = attribute[attribute["type"].lower()]
    if attribute["type"] == "SCALAR":
        return float(value["value"])
    return str(value["value"]) if attribute["type"] == "TEXT" else values.text(attribute["type"], value)


def status(status: Json) -> Json:
    """A TaskStatus."""
    view: Json = {key: status[key] for key in ("state", "timestamp", "healthy") if key in status}
    if "labels" in status:
        view["labels"] = status["labels"].get("labels", [])
    if "container_status" in status:
        shown = ("container_id", "network_infos", "cgroup_info")
        container = status["container_status"]
        view["container_status"] = {key: container[key] for key in shown if key in container}
    return view


def task(
    info: Json, framework_id: str, executor_id: str, agent_id: str, state: str, statuses: Iterable[Json]
) -> Json:
    """A task with its statuses."""
    optional = ("discovery", "container", "health_check")
    labels = {"labels": info["labels"].get("labels", [])} if "labels" in info else {}
    return {
        "id": info["task_id"]["value"],
        "name": info["name"],
        "framework_id": framework_id,
        "executor_id": executor_id,
        "slave_id": agent_id,
        "state": state,
        "resources": formats.totals(Resources(info["resources"])),
        **role(info["resources"]),
        "statuses": [status(item) for item in statuses],
        **labels,
        **{key: info[key] for key in optional if key in info},
    }


def api_task(
    info: Json,
    framework_id: str,
    executor_id: str | None,
    agent_id: str,
    state: str,
    statuses: list[Json],
    last: Json | None = None,
) -> Json:
    """A Task message of the v1 API; ``last`` says which update the scheduler was sent last."""
    passed_on = ("labels", "discovery", "container", "health_check", "check", "kill_policy", "limits")
    fields = {
        "name": info["name"],
        "task_id": info["task_id"],
        "framework_id": {"value": framework_id},
        "executor_id": {"value": executor_id} if executor_id else None,
        "agent_id": {"value": agent_id},
        "state": state,
        "resources": info["resources"],
        "statuses": statuses or None,
        **(last or {}),
        **{key: info.get(key) for key in passed_on},
    }
    return {key: value for key, value in fields.items() if value is not None}


def role(resources: Iterable[Resource]) -> Json:
    """The role that resources are allocated to, where there are any."""
    first = next(iter(resources), None)
    return {} if first is None else {"role": first["allocation_info"]["role"]}


def pairs(items: Mapping[str, str] | Mapping[str, float]) -> list[Json]:
    """Flags and metrics as the v1 API has them."""
    return [{"name": name, "value": value} for name, value in items.items()]


def endpoint(resources: Iterable[Resource]) -> list[Json]:
    """Resources one by one, in both forms."""
    return [formats.endpoint(resource) for resource in resources]


def unreserved(resources: Resources) -> Resources:
    """What no role has for itself."""
    return resources.filter(lambda resource: "reservations" not in resource)


def reserved(resources: Resources) -> dict[str, Resources]:
    """What is reserved, by role."""
    by_role: dict[str, Resources] = {}
    for resource in resources:
        if stack := resource.get("reservations"):
            name = stack[-1]["role"]
            by_role[name] = by_role.get(name, Resources()) + Resources([resource])
    return by_role
