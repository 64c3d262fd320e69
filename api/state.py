"""How the service itself does, and the files that it serves to agents."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, send_file

from api import answers, render
from api.errors import message
from api.openapi.described import Text, described
from scheduler.daemon.service import NotFound, Service
from scheduler.decide.plans import plans
from scheduler.model.plan import Status


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """Health, readiness, artifacts and debugging."""
    routes = Blueprint("state", __name__)

    @routes.get("/v1/health")
    @described({200: answers.Health, 503: answers.Health | answers.Error})
    def health() -> Response:
        """How this instance does: 200 while calls are answered, else 503 with the reasons."""
        value = service.health()
        body = render.health(value)
        if not value.serving:
            return message("; ".join(value.reasons) or "not serving yet", 503, **body)
        return jsonify(body)

    @routes.get("/admin/healthcheck")
    @described({200: answers.HealthChecks, 503: answers.HealthChecks | answers.Error})
    def health_check() -> tuple[Response, int]:
        """The health in the form of Dropwizard's health checks."""
        value = service.health()
        return jsonify(render.health_checks(value)), 200 if value.serving else 503

    @routes.get("/admin/ping")
    @described({200: Text("text/plain")})
    def ping() -> Response:
        """pong, as long as this instance runs."""
        return Response("pong\n", mimetype="text/plain")

    @routes.get("/v1/ready")
    @described({200: answers.Ready, 503: answers.Ready | answers.Error})
    def ready() -> Response:
        """Whether the plan deploy is complete: 200, else 503."""
        deploy = plans(service.world(), clock()).get("deploy")
        if deploy is None:
            return message(
                "the service is being uninstalled; GET /v1/plans/uninstall says more", 503, ready=False
            )
        status = deploy.status
        body = {"ready": status is Status.COMPLETE, "status": status.value}
        if status is Status.COMPLETE:
            return jsonify(body)
        return message(f"the plan deploy is {status.value}; GET /v1/plan says why", 503, **body)

    @routes.get("/v1/artifacts/<digest>/<name>")
    @described({200: Text("application/octet-stream")}, refusals=(404,))
    def artifact(digest: str, name: str) -> Response:
        """A file that agents fetch, by the hash of its content."""
        path = service.artifact(digest, name)
        if path is None or not path.is_file():
            raise NotFound(f"there is no artifact {name} with the content hash {digest}")
        response = send_file(path.resolve(), mimetype="application/octet-stream", etag=digest)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return routes
