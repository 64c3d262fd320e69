"""The HTTP server under the API: gevent's, in the scheduler's own process."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
STOP_SECONDS = 1.0


class _Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """Says nothing of what it is made of."""

    def get_environ(self) -> Any:
        """See gevent."""
        environ = super().get_environ()
        environ["SERVER_SOFTWARE"] = "cassandra-scheduler"
        return environ


class Server:
    """Serves an app until stopped."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._server = WSGIServer(
            (host, port),
            app,
            spawn=Pool(MOST_CONNECTIONS),
            handler_class=_Handler,
            log=None,
            error_log=log,
        )

    def start(self) -> None:
        """Bind and serve. Raises OSError where the address is not to be had."""
        self._server.start()

    def stop(self) -> None:
        """Answer what has begun, for a second, and end."""
        self._server.stop(timeout=STOP_SECONDS)
