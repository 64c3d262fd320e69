"""The Flask application: the calls of the API, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, request

from api import (
    coming,
    configuration,
    debug,
    errors,
    events,
    nodes,
    operations,
    page,
    plans,
    state,
    transfers,
)
from api.auth.callers import Identify
from api.auth.guard import guarding, open_calls
from api.metrics import calls as metrics
from api.openapi import routes as openapi
from api.orders import Preview
from api.requests import MOST_BODY_BYTES, refuse_large_body
from api.standby import passing_on
from scheduler.daemon.service import Service

LIVE = frozenset({"state.health", "state.health_check", "state.ping"})
"""Calls that tell how the service does at this moment."""


def create_app(
    service: Service, clock: Callable[[], float] = time.time, identify: Identify | None = None
) -> Flask:
    """The API for a service. ``clock`` gives seconds since the epoch.

    ``identify`` tells callers by their tokens; without it anybody may call.
    """
    app = _Api("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES + 1
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider, which this is
    register_calls(app, service, clock, identify)
    errors.install(app)
    app.register_error_handler(Preview, plans.previewed(clock))
    app.before_request(refuse_large_body)
    app.before_request(page.take_login)
    open_to_all = open_calls(metrics=not service.settings.metrics_auth) | page.OPEN
    app.before_request(guarding(identify, open_to_all))
    app.before_request(passing_on(service))
    app.after_request(_Freshness(service, clock).tell)
    app.wsgi_app = _Unprefixed(app.wsgi_app, lambda: service.settings.service.name)  # type: ignore[method-assign]
    return app


def register_calls(
    app: Flask, service: Service, clock: Callable[[], float], identify: Identify | None
) -> None:
    """Give an app every call that there is; the service is asked for nothing yet."""
    metrics.install(app, service, clock)
    for part in (plans, operations, transfers, nodes, configuration, state, events, debug):
        app.register_blueprint(part.blueprint(service, clock))
    app.register_blueprint(page.blueprint(service, clock, identify))
    app.register_blueprint(coming.blueprint())
    app.register_blueprint(openapi.blueprint(app))


class _Api(Flask):
    """Flask, whose answer to OPTIONS would be an empty page of HTML."""

    def make_default_options_response(self) -> Response:
        """Name the methods that the path takes."""
        answer = super().make_default_options_response()
        answer.status_code = 204
        answer.headers.remove("Content-Type")
        return answer


class _Freshness:
    """Tells in the header Age how old an answer is while Mesos or ZooKeeper is away; lets none be kept."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service = service
        self._clock = clock

    def tell(self, answer: Response) -> Response:
        """Add the headers."""
        if "Cache-Control" in answer.headers:
            return answer
        answer.headers["Cache-Control"] = "no-store"
        silent_since = self._service.health().silent_since
        if silent_since is not None and _tells_of_the_world(answer):
            answer.headers["Age"] = str(max(0, int(self._clock() - silent_since)))
        return answer


def _tells_of_the_world(answer: Response) -> bool:
    """Whether the answer is made of what Mesos last told, rather than an order's, an error's or of now."""
    told = answer.status_code < 400 or answer.status_code == 417
    return told and request.method in ("GET", "HEAD") and request.endpoint not in LIVE


class _Unprefixed:
    """Takes ``/service/<name>`` and ``/<name>`` off a path, where a proxy has left them on."""

    def __init__(self, app: Callable[..., Any], name: Callable[[], str]) -> None:
        self._app = app
        self._name = name

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, name = environ.get("PATH_INFO", ""), self._name().strip("/")
        for prefix in (f"/service/{name}", f"/{name}"):
            if path == prefix:
                # A browser takes what the page refers to for a neighbour of this path, not for what is below.
                environ[page.ROOT] = f"{name.rpartition('/')[2]}/"
            if path == prefix or path.startswith(prefix + "/"):
                environ["PATH_INFO"] = path.removeprefix(prefix) or "/"
                break
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer
