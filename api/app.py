"""The Flask application: the calls of /v1, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from api import configuration, errors, nodes, plans, state
from scheduler.daemon.service import Service

MOST_BODY_BYTES = 1 << 20


def create_app(service: Service, clock: Callable[[], float] = time.time) -> Flask:
    """The API for a service. ``clock`` gives seconds since the epoch."""
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider, which this is
    for part in (plans, nodes, configuration, state):
        app.register_blueprint(part.blueprint(service, clock))
    errors.install(app)
    app.wsgi_app = _Unprefixed(app.wsgi_app, lambda: service.settings.service.name)  # type: ignore[method-assign]
    return app


class _Unprefixed:
    """Takes ``/service/<name>`` and ``/<name>`` off a path, where a proxy has left them on."""

    def __init__(self, app: Callable[..., Any], name: Callable[[], str]) -> None:
        self._app = app
        self._name = name

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, name = environ.get("PATH_INFO", ""), self._name().strip("/")
        for prefix in (f"/service/{name}", f"/{name}"):
            if path.startswith(prefix + "/"):
                environ["PATH_INFO"] = path.removeprefix(prefix)
                break
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer
