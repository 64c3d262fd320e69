"""How the service itself does, and the files that it serves to agents."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, send_file

from api import render
from api.errors import NotThereYet
from api.requests import query
from protocol.codec import encode
from scheduler.daemon.service import NotFound, Service
from scheduler.decide.plans import plans
from scheduler.model.plan import Status

COMING = ("backup", "backups", "restore", "cleanup", "repair", "upgradesstables", "operations", "events")
"""Parts of the contract that later versions answer."""


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """Health, readiness, artifacts, debugging, and what is not there yet."""
    routes = Blueprint("state", __name__)

    @routes.get("/v1/health")
    @routes.get("/admin/healthcheck")
    def health() -> tuple[Response, int]:
        value = service.health()
        body = encode(value)
        body["mesos_silent_since"] = render.moment(value.mesos_silent_since)
        return jsonify(body), 200 if value.serving else 503

    @routes.get("/v1/ready")
    def ready() -> tuple[Response, int]:
        deploy = plans(service.world(), clock())["deploy"]
        complete = deploy.status is Status.COMPLETE
        return jsonify({"ready": complete, "status": deploy.status.value}), 200 if complete else 503

    @routes.get("/admin/ping")
    def ping() -> Response:
        return Response("pong\n", mimetype="text/plain")

    @routes.get("/v1/artifacts/<digest>/<name>")
    def artifact(digest: str, name: str) -> Response:
        path = service.artifact(digest, name)
        if path is None:
            raise NotFound(f"there is no artifact {name} with the content hash {digest}")
        response = send_file(path, mimetype="application/octet-stream")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    @routes.get("/v1/debug/offers")
    def offers() -> Response:
        query()
        found = service.world().session.shortfalls
        return jsonify(
            [
                {
                    "agent_id": agent,
                    "hostname": shortfall.hostname,
                    "lacking": list(shortfall.reasons),
                    "at": render.moment(shortfall.at),
                }
                for agent, shortfall in found.items()
            ]
        )

    @routes.route("/v1/<any(" + ", ".join(COMING) + "):part>", methods=["GET", "PUT", "POST", "DELETE"])
    @routes.route(
        "/v1/<any(" + ", ".join(COMING) + "):part>/<path:rest>", methods=["GET", "PUT", "POST", "DELETE"]
    )
    def coming(part: str, rest: str = "") -> Response:
        raise NotThereYet(f"{part} is not there yet")

    return routes
