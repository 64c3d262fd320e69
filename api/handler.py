"""One connection of the HTTP server: requests are read within limits, and everything is answered in JSON."""

from __future__ import annotations

import http.client
import json
import logging
import re
import time
from typing import Any

from gevent.pywsgi import WSGIHandler, headers_factory
from gevent.timeout import Timeout

log = logging.getLogger(__name__)

HEAD_SECONDS = 30.0
"""How long a connection may stay idle, and then how long the head of a request may take."""

STALL_SECONDS = 60.0
"""How long a client may neither send of its body nor take of its answer."""

BODY_SECONDS = 60.0
"""How long all of a body may take, however steadily it comes."""

WHOLE_SECONDS = 300.0
"""How long a request may take from its head to the end of its answer."""

MOST_HEAD_BYTES = 32 << 10

SENTENCES = {
    "400 Bad Request": "this is not an HTTP request that can be read",
    "408 Request Timeout": f"the head of the request did not arrive within {HEAD_SECONDS:g} s",
    "414 URI Too Long": "the address is longer than 8 kB",
    "431 Request Header Fields Too Large": "the headers are more than 100 or longer than 32 kB",
    "500 Internal Server Error": "the service failed to answer; its log says why",
}


class HeadTooLarge(ValueError):
    """More headers than are read."""


class _TooSlow(BaseException):
    """A request has taken its time; nothing below may take this for an error of its own."""


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """Lets no client hold a connection for ever, nor send more of a head than is ever needed."""

    def __init__(self, sock: Any, address: Any, server: Any) -> None:
        sock.settimeout(STALL_SECONDS)
        super().__init__(sock, address, server)

    def read_requestline(self) -> str:
        """See gevent. Nothing was asked yet, so an idle connection just ends."""
        self.server.waits()
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
        self.server.works()
        return True

    def MessageClass(self, stream: Any, *_more: Any) -> Any:  # noqa: N802  # gevent's name
        """See gevent: the headers, of which it would take 6 MB."""
        try:
            return headers_factory(_Head(stream))
        except http.client.HTTPException as error:
            raise HeadTooLarge(str(error)) from None

    def get_environ(self) -> dict[str, Any]:
        """See gevent: what the app is told of the request."""
        environ: dict[str, Any] = super().get_environ()
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        return environ

    def handle_one_request(self) -> Any:
        """See gevent, whose refusal of a long address has no body."""
        result = super().handle_one_request()
        too_long = isinstance(result, tuple) and result[0] == "414"
        return ("414", refusal("414 URI Too Long")) if too_long else result

    def handle_one_response(self) -> None:
        """See gevent: run the app and send its answer."""
        with Timeout(WHOLE_SECONDS, _TooSlow()):
            super().handle_one_response()

    def handle_error(self, kind: Any, value: Any, trace: Any) -> None:
        """See gevent: what went wrong while answering."""
        if isinstance(value, _TooSlow):
            log.info("a request from %s took more than %g s: ending it", self.client_address, WHOLE_SECONDS)
            self.close_connection = True
        else:
            super().handle_error(kind, value, trace)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """See gevent: what the client did wrong is no error of ours."""
        log.info("a request from %s could not be read: %s", self.client_address, ex)
        status = "400 Bad Request"
        if isinstance(ex, TimeoutError):
            status = "408 Request Timeout"
        elif isinstance(ex, HeadTooLarge):
            status = "431 Request Header Fields Too Large"
        return status[:3], refusal(status)

    def _send_error_response_if_possible(self, error_code: int) -> None:
        """See gevent: the last resort where the app itself has failed."""
        self.close_connection = True
        if self.response_length == 0:
            status = next(text for text in SENTENCES if text.startswith(str(error_code)))
            self._sendall(refusal(status))


class _Head:
    """The lines of a head, up to a limit."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = MOST_HEAD_BYTES

    def readline(self, size: int = -1) -> bytes:
        """Read a line. Raises HeadTooLarge."""
        line: bytes = self._stream.readline(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise HeadTooLarge("the headers are too long")
        return line


class _Body:
    """A body as the app reads it, all of which has to come within its time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._until: float | None = None

    def read(self, size: int | None = None) -> bytes:
        """Read so many bytes, or all. Raises TimeoutError."""
        with self._time():
            data: bytes = self._stream.read(size)
            return data

    def readline(self, size: int | None = None) -> bytes:
        """Read a line. Raises TimeoutError."""
        with self._time():
            line: bytes = self._stream.readline(size)
            return line

    def _time(self) -> Timeout:
        """What is left of the time, which begins with the first read."""
        now = time.monotonic()
        self._until = self._until or now + BODY_SECONDS
        return Timeout(max(0.001, self._until - now), TimeoutError("the body is too slow"))


def refusal(status: str) -> bytes:
    """A whole answer, after which the connection ends."""
    body = json.dumps({"message": SENTENCES[status]}).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
