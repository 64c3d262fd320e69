"""Model to JSON, as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import cast

from api import answers
from protocol.codec import Json, encode
from protocol.maintenance import Progress
from protocol.report import NodeStatus
from scheduler.daemon.offer_log import Fate
from scheduler.daemon.service import Health
from scheduler.decide.operation_plans import state as part_state
from scheduler.decide.operations import phase_of
from scheduler.model.eventlog import Entry
from scheduler.model.node import Node, Placement
from scheduler.model.operation import RUNNING, Operation, Part, Transfer, share_of
from scheduler.model.plan import Phase, Plan, Status, Step
from scheduler.model.resource import Resource
from scheduler.model.world import World

ANNOUNCED_PORT = 9042
"""The port of the load-balanced address, whatever port the nodes have."""


def moment(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC; nothing where it is not known, or no time of this age."""
    if not seconds:
        return None
    try:
        time = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plan(value: Plan) -> answers.Plan:
    """A plan with its phases and steps."""
    return {
        "name": value.name,
        "status": value.status.value,
        "interrupted": value.interrupted,
        "errors": list(value.errors),
        "phases": [_phase(phase) for phase in value.phases],
    }


def _phase(value: Phase) -> answers.Phase:
    return {
        "id": value.id,
        "name": value.name,
        "status": value.status.value,
        "strategy": value.strategy,
        "steps": [_step(step) for step in value.steps],
    }


def _step(value: Step) -> answers.Step:
    return {
        "id": value.id,
        "name": value.name,
        "status": value.status.value,
        "message": value.message,
        "started_at": moment(value.started_at),
        "ended_at": moment(value.ended_at),
        "attempts": value.attempts,
        "waiting_for": value.waiting_for,
        "deadline": moment(value.deadline),
    }


def operation(world: World, kind: str, value: Operation | None, now: float) -> answers.Operation:
    """An operation and how far it is; of status none where there has been none of the kind."""
    if value is None:
        return {"id": None, "kind": kind, "status": "none", "message": "", "nodes": {}}
    # Of each node the part that is open, or the last.
    names = dict.fromkeys(part.name for part in value.parts)
    present = {part.name: part for part in value.parts}
    present |= {part.name: part for part in reversed(value.parts) if not part.done}
    return {
        "id": value.id,
        "kind": kind,
        **(_transfer(value.transfer) if value.transfer else answers.TransferOf()),
        "status": cast(answers.OperationStatus, value.status),
        "message": value.failed or _present(world, value, now),
        "started_at": moment(value.started_at),
        "ended_at": moment(value.ended_at),
        "eta_seconds": _whole_seconds(value.eta_seconds),
        "progress": _progress(value, [present[name] for name in names]),
        "key_spaces": {name: list(tables) for name, tables in value.tables.items()},
        "nodes": {name: _part(world, value, present[name], now) for name in names},
    }


def _transfer(value: Transfer) -> answers.TransferOf:
    """What a backup and its like are of; nothing secret is in it."""
    shown: answers.TransferOf = {
        "name": value.name,
        "external_location": value.place.location,
        "bandwidth_mb_per_second": value.bytes_per_second / 1e6 if value.bytes_per_second else None,
    }
    if value.restore_type:
        shown["restore_type"] = value.restore_type
    if value.names:
        shown["names"] = list(value.names)
    return shown


def _progress(value: Operation, present: Sequence[Part]) -> answers.OperationProgress:
    done = sum(part.progress.done for part in value.parts if part.progress)
    nodes = {part.node for part in value.parts}
    undone = {part.node for part in value.parts if not part.done}
    told: answers.OperationProgress = {
        "percent": round(100 * value.fraction, 1),
        "done": done,
        "nodes_done": len(nodes - undone),
        "nodes_total": len(nodes),
    }
    if value.transfer is None:
        return told
    moving = [_moved(value, part) for part in present]
    return {
        **told,
        "bytes_done": sum(one["bytes_done"] for one in moving),
        "bytes_total": sum(one["bytes_total"] for one in moving),
        "files_done": sum(one["files_done"] for one in moving),
        "files_total": sum(one["files_total"] for one in moving),
        "bytes_per_second": sum(one["bytes_per_second"] for one in moving),
    }


def _moved(value: Operation, part: Part) -> answers.Moved:
    """What a node has moved in the present phase, or the last one in which it moved anything."""
    parts = [one for one in value.parts if one.node == part.node and one.progress]
    progress = max((one.progress for one in parts if one.progress), key=lambda p: p.bytes_total, default=None)
    progress = progress or Progress()
    return {
        "bytes_done": progress.bytes_done,
        "bytes_total": progress.bytes_total,
        "files_done": progress.files_done,
        "files_total": progress.files_total,
        "bytes_per_second": round(progress.bytes_per_second) if part.alive else 0,
    }


def _present(world: World, value: Operation, now: float) -> str:
    if value.present is None or value.status != RUNNING:
        return ""
    texts = {part.name: part_state(world, value, part, now)[1] for part in value.open}
    if len(set(texts.values())) == 1 and len(texts) > 1:
        return f"{', '.join(texts)}: {next(iter(texts.values()))}"
    return "; ".join(f"{name}: {text}" for name, text in texts.items())


def _part(world: World, value: Operation, part: Part, now: float) -> answers.OperationNode:
    status, text, wait = part_state(world, value, part, now)
    progress = part.progress
    return {
        "phase": phase_of(value, part),
        "status": status.value,
        "message": text,
        "percent": round(100 * share_of(part), 1),
        **(_moved(value, part) if value.transfer else answers.Moved()),
        "done": progress.done if progress else 0,
        "total": progress.total if progress else None,
        "doing": progress.doing if progress and part.alive else "",
        "since": moment(progress.since) if progress and part.alive else None,
        "waiting_for": wait.reason if wait else None,
        "deadline": moment(wait.deadline) if wait else None,
        "eta_seconds": _whole_seconds(progress.eta_seconds if progress and part.alive else None),
        "started_at": moment(part.started_at),
        "ended_at": moment(part.ended_at),
        "attempts": part.launches,
    }


def _whole_seconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def plan_code(value: Plan) -> int:
    """417 with errors, 200 when complete, else 202."""
    if value.errors:
        return 417
    return 200 if value.status is Status.COMPLETE else 202


def node_info(node: Node) -> answers.NodeInfo:
    """A node as Mesos and the record know it."""
    task, place = node.task, node.placement
    return {
        "name": node.name,
        "id": task.id if task else None,
        "hostname": place.hostname if place else None,
        "slave_id": place.agent_id if place else None,
        "state": task.state if task else None,
        "operating_mode": node.status.mode if node.running and node.status else "UNKNOWN",
        "ip": place.address if place else None,
        "agent_id": place.agent_id if place else None,
        "rack": node.status.rack if node.status else None,
        "config_id": task.config_id if task else None,
        "started_at": moment(task.launched_at) if task else None,
        "restarts": node.restarts,
        "last_failure": _last_failure(node),
    }


def node_status(status: NodeStatus) -> Json:
    """What a node says of itself."""
    return {**encode(status), "as_of": moment(status.as_of)}


def fate(value: Fate) -> answers.Offer:
    """An offer and what became of it."""
    offer = value.offer
    return {
        "offer_id": offer.id,
        "agent_id": offer.agent_id,
        "hostname": offer.hostname,
        "at": moment(value.at),
        "outcome": "accepted" if value.operations else "declined",
        "reasons": list(value.reasons),
        "operations": list(value.operations),
        "resources": [_resource(resource) for resource in offer.resources],
    }


def reservations(node: Node) -> list[answers.Reservation]:
    """What is reserved for a node, and the generations of it that were given up."""
    place = node.placement
    held = [_reservation(node, place)] if place is not None else []
    return [*held, *(_given_up(node, generation) for generation in node.abandoned)]


def _given_up(node: Node, generation: str) -> answers.Reservation:
    return {"node": node.name, "generation": generation, "state": GIVEN_UP}


GIVEN_UP = "given up: destroyed wherever it is offered"


def _reservation(node: Node, place: Placement) -> answers.Reservation:
    return {
        "node": node.name,
        "generation": place.generation,
        "state": "to be given up" if node.giving_up or node.left else "in use" if node.alive else "kept",
        "agent_id": place.agent_id,
        "hostname": place.hostname,
        "volume": place.persistence_id,
        "resources": [_resource(resource) for resource in place.resources],
    }


def _resource(value: Resource) -> answers.Resource:
    ranges = [f"{low}-{high}" if low != high else str(low) for low, high in value.ranges]
    return {
        "name": value.name,
        "value": ",".join(ranges) if ranges else value.scalar,
        "reserved": bool(value.reservations),
        "volume": value.persistence_id,
    }


def event(value: Entry) -> answers.Event:
    """An entry of the event log."""
    return {
        "cursor": str(value.number),
        "at": moment(value.at),
        "kind": value.kind,
        "subject": value.subject,
        "what": value.what,
        "why": value.why,
        "who": value.who,
        "from": value.origin,
    }


def health(value: Health) -> Json:
    """How the daemon does."""
    moments = ("mesos_silent_since", "zookeeper_silent_since")
    return {**encode(value), **{name: moment(getattr(value, name)) for name in moments}}


def health_checks(value: Health) -> answers.HealthChecks:
    """The same in the form of Dropwizard's health checks, which Marathon apps and monitors may know."""
    nodes = f"{value.nodes_up} of {value.nodes_expected} nodes are up"
    return {
        "serving": {"healthy": value.serving, "message": "; ".join(value.reasons)},
        "registered": {"healthy": value.registered},
        "reconciled": {"healthy": value.reconciled},
        "serverCount": {"healthy": value.nodes_up >= value.nodes_expected, "message": nodes},
    }


def _last_failure(node: Node) -> answers.LastFailure | None:
    failure = node.last_failure
    if failure is None:
        return None
    return {
        "at": moment(failure.at),
        "state": failure.state,
        "reason": failure.reason,
        "message": failure.message,
        "log_tail": failure.log_tail,
    }


def connection(world: World) -> answers.Connection:
    """Where clients connect: the nodes that take CQL now, by number."""
    port = world.ledger.target.node.cassandra.native_transport_port
    serving = [node for node in world.ledger.members() if _takes_cql(node)]
    addresses = [f"{node.placement.address}:{_port(world, node)}" for node in serving if node.placement]
    answer: answers.Connection = {"nodes": addresses, "address": addresses}
    service = world.settings.service.name.strip("/").replace("/", "")
    if world.settings.dns_suffix:
        suffix = f"{service}.{world.settings.dns_suffix}:{port}"
        answer["dns"] = [f"{node.name}.{suffix}" for node in serving]
    if world.settings.vip_suffix:
        answer["vip"] = f"node.{service}.{world.settings.vip_suffix}:{ANNOUNCED_PORT}"
    return answer


def _port(world: World, node: Node) -> int:
    """The port that the node takes CQL at, which differs while another one is rolled out."""
    target = world.ledger.target
    present = target.known.get(node.task.config_id) if node.task else None
    return (present or target.node).cassandra.native_transport_port


def _takes_cql(node: Node) -> bool:
    return node.running and node.status is not None and node.status.native_transport_running
