"""Plans: what they say, and the orders that they take."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers, render
from api.openapi import parameters
from api.openapi.described import described
from api.orders import DRY_RUN, Preview, give
from api.requests import no_body, query, refuse, required
from scheduler.daemon.service import NotFound, Service
from scheduler.decide.plans import plans
from scheduler.model.event import Command, ForceComplete, Interrupt, Proceed, RestartStep
from scheduler.model.plan import Plan

DEFAULT = "deploy"
"""The plan at /v1/plan. While the service is uninstalled there is one plan, which is shown in its place:
DC/OS takes an app away once its plan deploy is complete."""

PLAN_COMMANDS: dict[str, Callable[[str], Command]] = {
    "interrupt": Interrupt,
    "proceed": Proceed,
    "continue": Proceed,
}

STEP_COMMANDS: dict[str, Callable[[str, str, str | None], Command]] = {
    "restart": RestartStep,
    "forceComplete": ForceComplete,
}

ORDERS = ["POST", "PUT"]


def previewed(clock: Callable[[], float]) -> Callable[[Preview], Response]:
    """Answers a dry run: the plan as it would be after the order."""

    def answer(preview: Preview) -> Response:
        known = plans(preview.world, clock())
        plan = known.get(preview.plan) or next(iter(known.values()))
        return jsonify({"message": "nothing was changed: this is a dry run", "plan": render.plan(plan)})

    return answer


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/plan and /v1/plans."""
    routes = Blueprint("plans", __name__)

    def found(name: str) -> Plan:
        known = plans(service.world(), clock())
        if name not in known:
            raise NotFound(f"there is no plan {name}; the plans are {', '.join(known)}")
        return known[name]

    def obey(name: str, command: Command, verb: str) -> Response:
        found(name)
        give(service, command, name)
        return jsonify({"message": f"Received cmd: {verb}"})

    @routes.get("/v1/plans")
    @described({200: list[str]})
    def names() -> Response:
        """The names of the plans."""
        return jsonify(list(plans(service.world(), clock())))

    @routes.get("/v1/plan")
    @routes.get("/v1/plans/<name>")
    @described({200: answers.Plan, 202: answers.Plan, 417: answers.Plan}, refusals=(404,))
    def show(name: str = DEFAULT) -> tuple[Response, int]:
        """A plan: 200 when it is complete, 417 when it has errors, else 202.

        ``/v1/plan`` is the plan ``deploy``; while the service is uninstalled, that of the uninstallation.
        """
        known = plans(service.world(), clock())
        plan = next(iter(known.values())) if name == DEFAULT not in known else found(name)
        return jsonify(render.plan(plan)), render.plan_code(plan)

    @routes.route("/v1/plan", methods=ORDERS)
    @routes.route("/v1/plans/<name>", methods=ORDERS)
    @described(
        {200: answers.Received | answers.Preview}, parameters.CMD, parameters.DRY_RUN, refusals=(404, 409)
    )
    def command(name: str = DEFAULT) -> Response:
        """Interrupt a plan, or let it go on."""
        verb = required(query("cmd", DRY_RUN), "cmd")
        no_body()
        if verb not in PLAN_COMMANDS:
            refuse("cmd", f"there is no cmd {verb}; it is one of {', '.join(PLAN_COMMANDS)}")
        return obey(name, PLAN_COMMANDS[verb](name), verb)

    @routes.route("/v1/plan/<any(interrupt, proceed, continue):verb>", methods=ORDERS)
    @routes.route("/v1/plans/<name>/<any(interrupt, proceed, continue):verb>", methods=ORDERS)
    @described({200: answers.Received | answers.Preview}, parameters.DRY_RUN, refusals=(404, 409))
    def control(verb: str, name: str = DEFAULT) -> Response:
        """Interrupt a plan, or let it go on."""
        query(DRY_RUN)
        no_body()
        return obey(name, PLAN_COMMANDS[verb](name), verb)

    @routes.route("/v1/plan/<any(restart, forceComplete):verb>", methods=ORDERS)
    @routes.route("/v1/plans/<name>/<any(restart, forceComplete):verb>", methods=ORDERS)
    @described(
        {200: answers.Received | answers.Preview},
        parameters.PHASE,
        parameters.STEP,
        parameters.DRY_RUN,
        refusals=(404, 409),
    )
    def control_step(verb: str, name: str = DEFAULT) -> Response:
        """Do a step, or every step of a phase, again; or take it as complete."""
        parameters = query("phase", "step", DRY_RUN)
        no_body()
        phase = required(parameters, "phase")
        return obey(name, STEP_COMMANDS[verb](name, phase, parameters.get("step") or None), verb)

    return routes
