"""The HTTP server under the API: gevent's, in the scheduler's own process."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

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
    """Serves an app until stopped."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._server = WSGIServer(
            (host, port),
            app,
            spawn=Pool(MOST_CONNECTIONS),
            handler_class=_Handler,
            environ={"SERVER_NAME": host, "SERVER_SOFTWARE": "cassandra-scheduler"},
            log=None,
            error_log=log,
        )

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        port: int = self._server.server_port
        return port

    def start(self) -> None:
        """Bind and serve. Raises OSError where the address is not to be had."""
        self._server.start()

    def stop(self) -> None:
        """Answer what has begun, for a second, and end."""
        self._server.stop(timeout=STOP_SECONDS)


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
