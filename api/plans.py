"""Plans: what they say, and the orders that they take."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import render
from api.errors import BadRequest
from api.requests import no_body, query, required
from scheduler.daemon.service import NotFound, Service
from scheduler.decide.plans import plans
from scheduler.model.event import Command, ForceComplete, Interrupt, Proceed, RestartStep
from scheduler.model.plan import Plan

DEFAULT = "deploy"

COMMANDS: dict[str, Callable[[str], Command]] = {
    "interrupt": Interrupt,
    "proceed": Proceed,
    "continue": Proceed,
}

STEP_COMMANDS: dict[str, Callable[[str, str, str | None], Command]] = {
    "restart": RestartStep,
    "forceComplete": ForceComplete,
}


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/plan and /v1/plans."""
    routes = Blueprint("plans", __name__)

    def found(name: str) -> Plan:
        known = plans(service.world(), clock())
        if name not in known:
            raise NotFound(f"there is no plan {name}; the plans are {', '.join(known)}")
        return known[name]

    def received(command: Command, name: str) -> Response:
        service.command(command)
        return jsonify({"message": f"Received cmd: {name}"})

    @routes.get("/v1/plans")
    def names() -> Response:
        query()
        return jsonify(list(plans(service.world(), clock())))

    @routes.get("/v1/plan")
    @routes.get("/v1/plans/<name>")
    def show(name: str = DEFAULT) -> tuple[Response, int]:
        query()
        value = found(name)
        return jsonify(render.plan(value)), render.plan_code(value)

    @routes.route("/v1/plan", methods=["POST", "PUT"])
    @routes.route("/v1/plans/<name>", methods=["POST", "PUT"])
    def command(name: str = DEFAULT) -> Response:
        verb = required(query("cmd"), "cmd")
        no_body()
        if verb not in COMMANDS:
            raise BadRequest(f"unknown cmd {verb}; it is one of {', '.join(COMMANDS)}", "cmd")
        found(name)
        return received(COMMANDS[verb](name), verb)

    @routes.post("/v1/plan/<any(interrupt, continue):verb>")
    @routes.post("/v1/plans/<name>/<any(interrupt, continue):verb>")
    def control(verb: str, name: str = DEFAULT) -> Response:
        query()
        no_body()
        found(name)
        return received(COMMANDS[verb](name), verb)

    @routes.post("/v1/plan/<any(restart, forceComplete):verb>")
    @routes.post("/v1/plans/<name>/<any(restart, forceComplete):verb>")
    def control_step(verb: str, name: str = DEFAULT) -> Response:
        parameters = query("phase", "step")
        no_body()
        phase = required(parameters, "phase")
        found(name)
        return received(STEP_COMMANDS[verb](name, phase, parameters.get("step")), verb)

    return routes
