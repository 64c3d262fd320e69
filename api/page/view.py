"""All that the page shows, put together from what the API answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from api import operations, render
from protocol.codec import Json
from protocol.report import NodeStatus
from scheduler.daemon.service import Health
from scheduler.decide import eventlog
from scheduler.decide.owner import DEPLOY, RECOVERY
from scheduler.decide.plans import plans
from scheduler.model.node import Node
from scheduler.model.operation import RUNNING
from scheduler.model.world import World

EVENTS = 20
"""So many events are shown, the newest first."""

PAST = 5
"""So many operations that have ended are listed."""


class State(NamedTuple):
    """A state in a word or few, and its tone: ok, busy, warn, bad or idle."""

    word: str
    tone: str


def page(world: World, health: Health, statuses: Mapping[int, NodeStatus], now: float) -> dict[str, Any]:
    """The values of the template."""
    known = {name: render.plan(plan) for name, plan in plans(world, now).items()}
    history = operations.history(world, now)
    of_operations = {one["kind"] for one in history}
    own = {name: plan for name, plan in known.items() if name not in of_operations}
    steps = _present_steps(own.values())
    members = world.ledger.members()
    nodes = [_node(node, statuses.get(node.number), steps.get(node.name)) for node in members]
    cassandra = world.ledger.target.node.cassandra
    return {
        "now": now,
        "as_of": render.moment(now),
        "service": world.settings.service.name,
        "cassandra": cassandra,
        "silent_since": render.moment(health.silent_since),
        "headline": headline(nodes, own.get(DEPLOY)),
        "reasons": health.reasons,
        "nodes": nodes,
        "plans": [plan for plan in own.values() if _is_told(plan)],
        "running": [{**one, "plan": known[one["kind"]]} for one in history if one["status"] == RUNNING],
        "past": _past(history),
        "events": [render.event(entry) for entry in reversed(eventlog.entries(world.ledger)[-EVENTS:])],
        "contact_points": render.connection(world)["nodes"],
    }


def _past(history: list[Json]) -> list[Json]:
    """The newest that have ended. The last of its kind may be resumed where it did not come to its end."""
    newest = {one["id"] for one in {one["kind"]: one for one in reversed(history)}.values()}
    running = any(one["status"] == RUNNING for one in history)
    ended = [one for one in history if one["status"] != RUNNING][:PAST]
    unfinished = ("failed", "stopped")
    return [
        {**one, "resumable": not running and one["id"] in newest and one["status"] in unfinished}
        for one in ended
    ]


def headline(nodes: list[dict[str, Any]], deploy: Json | None) -> State:
    """How the cluster does, in one sentence; there is no plan deploy once it is taken away."""
    up = sum(node["state"].tone == "ok" for node in nodes)
    of = f"{up} of {len(nodes)} nodes up"
    if deploy is None:
        return State("Is being taken away", "busy")
    if deploy["errors"]:
        return State(f"New settings are refused; {of}", "bad")
    if any(node["state"].tone == "bad" for node in nodes):
        return State(of, "bad")
    if deploy["status"] != "COMPLETE":
        return State(f"{'Interrupted' if deploy['interrupted'] else 'Deploying'}: {of}", _under_way(deploy))
    return State(f"All {up} nodes are up" if up == len(nodes) else of, "ok" if up == len(nodes) else "warn")


def _under_way(deploy: Json) -> str:
    return "warn" if deploy["interrupted"] or deploy["status"] in ("DELAYED", "ERROR") else "busy"


def _is_told(plan: Json) -> bool:
    """Whether there is something to tell of a plan: recovery mostly has nothing to do."""
    return plan["name"] != RECOVERY or plan["interrupted"] or any(phase["steps"] for phase in plan["phases"])


def _node(node: Node, status: NodeStatus | None, step: Json | None) -> dict[str, Any]:
    return {
        "info": render.node_info(node),
        "status": None if status is None else render.node_status(status),
        "used": _used(status),
        "state": state(node),
        "step": step,
        "departing": node.departure is not None,
        "rack": (status.rack if status else "") or (node.status.rack if node.status else "") or node.rack,
    }


def _used(status: NodeStatus | None) -> int | None:
    """Bytes of the node's disk that are taken, whoever has taken them; None where that is not known."""
    if status is None or not status.disk_total_bytes:
        return None
    return status.disk_total_bytes - status.disk_free_bytes


def state(node: Node) -> State:
    """How a node does."""
    task = node.task
    if task is None:
        return State("not placed", "idle")
    if node.normal:
        deaf = node.status is not None and not node.status.native_transport_running
        return State("normal, takes no CQL", "warn") if deaf else State("normal", "ok")
    if node.running:
        mode = node.status.mode if node.status else "UNKNOWN"
        return State("silent", "warn") if mode == "UNKNOWN" else State(mode.lower(), "busy")
    word = task.state.removeprefix("TASK_").lower()
    return State(word, "busy" if node.alive and not node.unreachable else "bad")


def _present_steps(plans: Iterable[Json]) -> dict[str, Json]:
    """By node's name, what is being done with it, or what that waits for."""
    return {
        step["name"]: step
        for plan in plans
        for phase in plan["phases"]
        for step in phase["steps"]
        if step["status"] != "COMPLETE"
    }
