"""Operations: cleanup, repair and upgrades of SSTables begun, all of them stopped and watched."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers, bodies, render
from api.maintenance_requests import read_request
from api.openapi import parameters
from api.openapi.described import described
from api.orders import DRY_RUN, give
from api.requests import body, no_body, query
from protocol.codec import Json
from protocol.maintenance import REPAIR
from scheduler.daemon.service import NotFound, Service
from scheduler.decide import operations
from scheduler.model.event import StopOperation
from scheduler.model.world import World

REPAIR_STOP = (
    "Cassandra can only end all repairs of a node: on the node that the operation is at, those begun by hand "
    "are ended too; on all nodes, what reads the same tables to compare them is ended, for whichever repair"
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
    @described(
        {200: answers.Preview, 202: answers.Started},
        parameters.DRY_RUN,
        body={
            kind: bodies.Repair if kind == REPAIR else bodies.Maintenance for kind in operations.MAINTENANCE
        },
        refusals=(409,),
    )
    def start(kind: str) -> tuple[Response, int]:
        """Start maintenance."""
        query(DRY_RUN)
        wanted = read_request(kind, body(), service.world())
        give(service, wanted.order(service.schema()), kind)
        return jsonify({"status": "started", "message": ""}), 202

    @routes.put(f"/v1/<any({kinds}):kind>/stop")
    @described({200: answers.Preview, 202: answers.Started}, parameters.DRY_RUN, refusals=(409,))
    def stop(kind: str) -> tuple[Response, int]:
        """Stop an operation, in the middle of what it is at."""
        query(DRY_RUN)
        no_body()
        give(service, StopOperation(kind), kind)
        return jsonify({"status": "stopping", "message": REPAIR_STOP if kind == "repair" else ""}), 202

    @routes.get(f"/v1/<any({kinds}):kind>/status")
    @described({200: answers.Operation})
    def status(kind: str) -> Response:
        """The operation of this kind that runs, or the last one."""
        world = service.world()
        return jsonify(render.operation(world, kind, operations.latest(world, kind), clock()))

    @routes.get("/v1/operations")
    @described({200: list[answers.Operation]})
    def everything() -> Response:
        """All operations that are remembered, the newest first."""
        return jsonify(history(service.world(), clock()))

    @routes.get("/v1/operations/<ident>")
    @described({200: answers.Operation}, refusals=(404,))
    def one(ident: str) -> Response:
        """An operation by its id."""
        world = service.world()
        found = world.ledger.operations.get(ident)
        if found is None:
            raise NotFound(f"there is no operation {ident}; GET /v1/operations lists them")
        return jsonify(render.operation(world, found.kind, found, clock()))

    return routes
