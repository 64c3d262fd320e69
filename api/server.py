"""The HTTP server under the API: gevent's, in the scheduler's own process."""

from __future__ import annotations

import json
import logging
import re
import socket
from typing import Any

import gevent.socket
from flask import Flask
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.timeout import Timeout

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
STOP_SECONDS = 1.0

HEAD_SECONDS = 30.0
"""How long a connection may stay idle, and then how long the head of a request may take."""

STALL_SECONDS = 60.0
"""How long a client may neither send of its body nor take of its answer."""

SENTENCES = {
    "400 Bad Request": "this is not an HTTP request that can be read",
    "408 Request Timeout": f"the head of the request did not arrive within {HEAD_SECONDS:g} s",
    "414 URI Too Long": "the address is longer than 8 kB",
    "500 Internal Server Error": "the service failed to answer; its log says why",
}


class Server:
    """Serves an app from ``start`` to ``stop``. ``port`` 0 takes any that is free."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self.port = port
        self._app = app
        self._host = host
        self._server: Any = None

    def start(self) -> None:
        """Bind and serve. Raises OSError where the address is not to be had."""
        listener = _listener(self._host, self.port)
        self.port = listener.getsockname()[1]
        self._server = WSGIServer(
            listener,
            self._app,
            spawn=Pool(MOST_CONNECTIONS),
            handler_class=_Handler,
            environ={"SERVER_NAME": self._host, "SERVER_SOFTWARE": "cassandra-scheduler"},
            log=None,
            error_log=log,
        )
        self._server.start()

    def stop(self) -> None:
        """Answer what has begun, for a second, and end."""
        if self._server is not None:
            self._server.stop(timeout=STOP_SECONDS)


def _listener(host: str, port: int) -> Any:
    """A listening socket of gevent's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
    return gevent.socket.socket(family, socket.SOCK_STREAM, fileno=bound.detach())


class _Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """Answers in JSON also what never gets to the app, and lets no client hold a connection for ever."""

    def __init__(self, sock: Any, address: Any, server: Any) -> None:
        sock.settimeout(STALL_SECONDS)
        super().__init__(sock, address, server)

    def read_requestline(self) -> str:
        """See gevent. Nothing was asked yet, so an idle connection just ends."""
        with Timeout(HEAD_SECONDS, False):
            line: str = super().read_requestline()
            return line
        return ""

    def read_request(self, raw_requestline: str) -> bool:
        """See gevent, which would take a length or coding that it does not know for no body at all."""
        with Timeout(HEAD_SECONDS, TimeoutError("too slow")):
            super().read_request(raw_requestline)
        length = self.headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,18}", length.strip()):
            raise ValueError(f"Content-Length {length!r}")
        coding = self.headers.get("transfer-encoding", "chunked")
        if coding.strip().lower() != "chunked":
            raise ValueError(f"Transfer-Encoding {coding!r}")
        return True

    def handle_one_request(self) -> Any:
        """See gevent, whose refusal of a long address has no body."""
        result = super().handle_one_request()
        too_long = isinstance(result, tuple) and result[0] == "414"
        return ("414", _refusal("414 URI Too Long")) if too_long else result

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """See gevent: what the client did wrong is no error of ours."""
        log.info("a request from %s could not be read: %s", self.client_address, ex)
        status = "408 Request Timeout" if isinstance(ex, TimeoutError) else "400 Bad Request"
        return status[:3], _refusal(status)

    def _send_error_response_if_possible(self, error_code: int) -> None:
        """See gevent: the last resort where the app itself has failed."""
        self.close_connection = True
        if self.response_length == 0:
            status = next(text for text in SENTENCES if text.startswith(str(error_code)))
            self._sendall(_refusal(status))


def _refusal(status: str) -> bytes:
    """A whole answer, after which the connection ends."""
    body = json.dumps({"message": SENTENCES[status]}).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
