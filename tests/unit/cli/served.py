"""The API over a service in memory, behind a real socket; and answers of a stranger's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Flask, Response, request

from api.app import create_app
from tests.unit.api.service import MemoryService

App = Callable[..., Any]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(app: App) -> Iterator[str]:
    """Serve an app on a port of its own; its address."""
    with make_server("127.0.0.1", 0, app, WSGIServer, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def api(service: MemoryService) -> Flask:
    """The API, by the cluster's own clock."""
    return create_app(service, lambda: service.cluster.now)


class Stranger:
    """Answers every call with what was set, or one after the other; remembers what was asked."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self._answers = list(answers)
        self.app = Flask("stranger")
        self.app.add_url_rule("/<path:path>", "any", self._answer, methods=["GET", "PUT", "DELETE", "POST"])

    def _answer(self, path: str) -> Response:
        self.asked.append(
            (
                request.method,
                request.full_path.rstrip("?"),
                dict(request.headers),
                request.get_json(silent=True),
            )
        )
        status, text = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return Response(text, status, content_type="application/json")
