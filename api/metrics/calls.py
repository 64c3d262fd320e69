"""The API's own metrics, and the call that answers all of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api.metrics.families import PREFIX, ServiceCollector
from api.openapi.described import Text, described
from scheduler.daemon.service import Service

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
"""In seconds; a call that waits for events takes up to half a minute."""


def install(app: Flask, service: Service, clock: Callable[[], float]) -> None:
    """Count the calls of an app, and have it answer ``/metrics``."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, which nobody asks for
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(ServiceCollector(service, clock))
    calls = _Calls(registry)
    app.before_request(calls.begin)
    app.after_request(calls.end)
    app.teardown_request(calls.left)
    app.register_blueprint(_blueprint(registry))


def _blueprint(registry: CollectorRegistry) -> Blueprint:
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    @described({200: Text("text/plain")})
    def metrics() -> Response:
        """The metrics of this instance, in the text format of Prometheus."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


class _Calls:
    """Counts and times calls, by the route rather than the path, which clients choose."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            f"{PREFIX}api_requests", "Calls of the API.", ("method", "route", "code"), registry=registry
        )
        self._seconds = Histogram(
            f"{PREFIX}api_request_seconds",
            "Time until a call's answer begins.",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._present = Gauge(
            f"{PREFIX}api_requests_in_progress", "Calls that are being answered.", registry=registry
        )

    def begin(self) -> None:
        """Before anything else is done for a call."""
        g.began = time.perf_counter()
        self._present.inc()

    def end(self, answer: Response) -> Response:
        """Once its answer is known."""
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.url_rule else "any"
        self._requests.labels(method, route, str(answer.status_code)).inc()
        self._seconds.labels(route).observe(time.perf_counter() - g.began)
        return answer

    def left(self, _error: BaseException | None) -> None:
        """However it ended."""
        self._present.dec()
