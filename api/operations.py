"""Operations: cleanup, repair and upgrades of SSTables begun, all of them stopped and watched."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import render
from api.maintenance_requests import read_request
from api.orders import DRY_RUN, give
from api.requests import body, no_body, query
from protocol.codec import Json
from scheduler.daemon.service import NotFound, Service
from scheduler.decide import operations
from scheduler.model.event import StopOperation
from scheduler.model.world import World

REPAIR_STOP = (
    "Cassandra can only end all repairs of a node: on the node that the operation is at, "
    "those begun by hand are ended too"
)


def history(world: World, now: float) -> list[Json]:
    """All operations that are remembered, the newest first."""
    newest_first = sorted(world.ledger.operations.values(), key=lambda one: -one.number)
    return [render.operation(world, one.kind, one, now) for one in newest_first]


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls that begin maintenance, and those that stop and show operations of any kind."""
    routes = Blueprint("operations", __name__)
    kinds, maintenance = ", ".join(operations.PHASES), ", ".join(operations.MAINTENANCE)

    @routes.put(f"/v1/<any({maintenance}):kind>/start")
    def start(kind: str) -> tuple[Response, int]:
        query(DRY_RUN)
        wanted = read_request(kind, body(), service.world())
        give(service, wanted.order(service.schema()), kind)
        return jsonify({"status": "started", "message": ""}), 202

    @routes.put(f"/v1/<any({kinds}):kind>/stop")
    def stop(kind: str) -> tuple[Response, int]:
        query(DRY_RUN)
        no_body()
        give(service, StopOperation(kind), kind)
        return jsonify({"status": "stopping", "message": REPAIR_STOP if kind == "repair" else ""}), 202

    @routes.get(f"/v1/<any({kinds}):kind>/status")
    def status(kind: str) -> Response:
        world = service.world()
        return jsonify(render.operation(world, kind, operations.latest(world, kind), clock()))

    @routes.get("/v1/operations")
    def everything() -> Response:
        return jsonify(history(service.world(), clock()))

    @routes.get("/v1/operations/<ident>")
    def one(ident: str) -> Response:
        world = service.world()
        found = world.ledger.operations.get(ident)
        if found is None:
            raise NotFound(f"there is no operation {ident}; GET /v1/operations lists them")
        return jsonify(render.operation(world, found.kind, found, clock()))

    return routes
