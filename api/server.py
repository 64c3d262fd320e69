"""The HTTP server under the API: gevent's, in the scheduler's own process."""

from __future__ import annotations

import logging
import socket
from typing import Any

import gevent
import gevent.socket
from flask import Flask
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from gevent.ssl import SSLContext
from gevent.timeout import Timeout

from api.handler import HEAD_SECONDS, Handler

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
STOP_SECONDS = 1.0

SPARE_CONNECTIONS = 32
"""With less room than this, connections that ask for nothing end: those that wait longest first."""


class Server:
    """Serves an app from ``start`` to ``stop``; by TLS with a context. ``port`` 0 takes any that is free."""

    def __init__(self, app: Flask, host: str, port: int, tls: SSLContext | None = None) -> None:
        self.port = port
        self._app = app
        self._host = host
        self._tls = tls
        self._server: Any = None

    def start(self) -> None:
        """Bind and serve. Raises OSError where the address is not to be had."""
        listener = _listener(self._host, self.port)
        self.port = listener.getsockname()[1]
        self._server = _Server(
            listener,
            self._app,
            spawn=Pool(MOST_CONNECTIONS),
            handler_class=Handler,
            environ={"SERVER_NAME": self._host, "SERVER_SOFTWARE": "cassandra-scheduler"},
            log=None,
            error_log=log,
            **({} if self._tls is None else {"ssl_context": self._tls}),
        )
        self._server.start()

    def stop(self) -> None:
        """Answer what has begun, for a second, and end."""
        if self._server is not None:
            self._server.stop(timeout=STOP_SECONDS)


class _Server(WSGIServer):  # type: ignore[misc]  # gevent has no types
    """Keeps room for those who have something to ask, however many connect and say nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._waiting: dict[Any, None] = {}
        super().__init__(*arguments, **options)

    def handle(self, client: Any, address: Any) -> None:
        """See gevent: serve a connection."""
        self.waits()
        if self.pool.free_count() < SPARE_CONNECTIONS:
            self._end_the_longest_waiting()
        try:
            super().handle(client, address)
        finally:
            self.works()

    def wrap_socket_and_handle(self, client: Any, address: Any) -> None:
        """See gevent, which would wait for a handshake for ever."""
        try:
            with Timeout(HEAD_SECONDS, TimeoutError("too slow")):
                wrapped = self.wrap_socket(client, **self.ssl_args)
        except OSError as error:
            log.info("no TLS with %s: %s", address, error)
            client.close()
            return
        self.handle(wrapped, address)

    def waits(self) -> None:
        """The present connection has asked for nothing yet, or for nothing more."""
        self._waiting[gevent.getcurrent()] = None

    def works(self) -> None:
        """The present connection has asked for something, or ended."""
        self._waiting.pop(gevent.getcurrent(), None)

    def _end_the_longest_waiting(self) -> None:
        oldest = next(iter(self._waiting))
        if oldest is not gevent.getcurrent():
            del self._waiting[oldest]
            oldest.kill(block=False)


def _listener(host: str, port: int) -> Any:
    """A listening socket of gevent's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
    return gevent.socket.socket(family, socket.SOCK_STREAM, fileno=bound.detach())
