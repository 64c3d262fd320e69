"""Nodes, seeds and where clients connect."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers, render
from api.errors import message
from api.openapi import parameters
from api.openapi.described import described
from api.orders import DRY_RUN, give
from api.requests import no_body, query, required, switch
from scheduler.daemon.service import Conflict, NoAnswer, NotFound, Service
from scheduler.decide.owner import RECOVERY
from scheduler.decide.seeds import seed_addresses
from scheduler.model.event import ReplaceNode, RestartNode
from scheduler.model.node import Node


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/nodes, /v1/connection, /v1/seeds and /v1/datacenter."""
    routes = Blueprint("nodes", __name__)

    def found(name: str) -> Node:
        node = service.world().ledger.named(name)
        if node is None:
            raise NotFound(f"there is no node {name}; GET /v1/nodes/list has the names")
        return node

    @routes.get("/v1/connection")
    @described({200: answers.Connection})
    def connection() -> Response:
        """Where clients connect: nodes that take CQL now, by their numbers."""
        return jsonify(render.connection(service.world()))

    @routes.get("/v1/connection/<any(address, dns):part>")
    @described({200: list[str]})
    def connection_part(part: str) -> Response:
        """The same as a bare list: addresses, or names in DNS."""
        return jsonify(render.connection(service.world()).get(part, []))

    @routes.get("/v1/nodes/list")
    @described({200: list[str]})
    def names() -> Response:
        """The names of the nodes that were ever started."""
        return jsonify([node.name for node in service.world().ledger.members() if node.launches])

    @routes.get("/v1/nodes/<name>/info")
    @described({200: answers.NodeInfo}, refusals=(404,))
    def info(name: str) -> Response:
        """A node as Mesos and the records know it."""
        return jsonify(render.node_info(found(name)))

    @routes.get("/v1/nodes/<name>/status")
    @described({200: answers.NodeStatus, 503: answers.SilentNode | answers.Error}, refusals=(404, 409))
    def status(name: str) -> Response:
        """A node as it tells of itself now."""
        node = found(name)
        if node.task is None:
            raise Conflict(f"{node.name} was never launched; GET /v1/plan says what it waits for")
        try:
            return jsonify(render.node_status(service.node_status(node.number)))
        except NoAnswer as error:
            last = render.node_status(node.status) if node.status else {}
            return message(str(error), 503, **{**last, "mode": "UNKNOWN"})

    @routes.put("/v1/nodes/restart")
    @described({200: list[str] | answers.Preview}, parameters.NODE, parameters.DRY_RUN, refusals=(404, 409))
    def restart() -> Response:
        """Drain a node, stop it and start it again; the id of its task is answered."""
        name = required(query("node", DRY_RUN), "node")
        no_body()
        node = found(name)
        give(service, RestartNode(node.name), RECOVERY)
        return jsonify([node.task.id] if node.task else [])

    @routes.put("/v1/nodes/replace")
    @described(
        {200: list[str] | answers.Preview},
        parameters.NODE,
        parameters.FORCE,
        parameters.DRY_RUN,
        refusals=(404, 409),
    )
    def replace() -> Response:
        """Give a node's place and data up, and put it elsewhere; the id of its task is answered."""
        parameters = query("node", "force", DRY_RUN)
        name, force = required(parameters, "node"), switch(parameters, "force")
        no_body()
        node = found(name)
        give(service, ReplaceNode(node.name, force), RECOVERY)
        return jsonify([node.task.id] if node.task else [])

    @routes.get("/v1/seeds")
    @described({200: answers.Seeds})
    def seeds() -> Response:
        """The addresses of the seeds."""
        return jsonify({"isSeed": False, "seeds": list(seed_addresses(service.world()))})

    @routes.get("/v1/datacenter")
    @described({200: answers.DataCenter})
    def data_center() -> Response:
        """This data center, as others ask for it."""
        world = service.world()
        return jsonify(
            {
                "data_center": world.ledger.target.node.cassandra.data_center,
                "url": world.settings.dc_url or f"{service.health().leader_url or ''}/v1/datacenter",
                "seeds": list(seed_addresses(world)),
            }
        )

    return routes
