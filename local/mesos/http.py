"""HTTP as master and agents serve it: requests, responses, routes and the gevent server under them.

A handler takes a ``Request`` and returns a ``Response``, or an ``EventStream`` that stays open. It refuses
by raising ``Refusal``. Texts, status codes and the order of checks are those of libprocess, the HTTP
library of Mesos.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl

from gevent import pywsgi

from local.mesos import schema

Json = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain; charset=utf-8"
MAX_BODY_BYTES = 1 << 28

REASONS = {
    200: "OK", 202: "Accepted", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict",
    413: "Request Entity Too Large", 415: "Unsupported Media Type", 500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """One request. Header names are in lower case; ``principal`` is who has logged in, if anybody."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket
    principal: str | None = None

    @property
    def query(self) -> Mapping[str, str]:
        """The fields of the query string."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    """A whole answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Stream(Protocol):
    """An answer that stays open: each item is sent as one chunk."""

    headers: Mapping[str, str]

    def chunks(self, connection: socket.socket) -> Iterable[bytes]:
        """What to send, until either side ends the stream."""


Handler = Callable[[Request], "Response | Stream"]


class Refusal(Exception):
    """Ends the handling of a request with an error status and one line of text."""

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = text(status, message, headers)


def text(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """An answer of plain text."""
    return Response(status, message.encode(), {"Content-Type": TEXT, **(headers or {})})


def accepted() -> Response:
    """202 without a body: the call was received, not yet carried out."""
    return Response(202)


def answer(request: Request, value: object) -> Response:
    """200 with JSON; as a script call where the query names a ``jsonp`` function."""
    body = json.dumps(value, separators=(",", ":"))
    if function := request.query.get("jsonp"):
        return Response(200, f"{function}({body})".encode(), {"Content-Type": "text/javascript"})
    return Response(200, body.encode(), {"Content-Type": JSON})


def answer_call(request: Request, kind: str, content: Json) -> Response:
    """The answer to a call of the v1 API: its type, and under that name what was asked for."""
    return answer(request, {"type": kind, kind.lower(): content})


def only(*methods: str) -> Callable[[Handler], Handler]:
    """Decorator: refuse every other method with 405 and say which ones are served."""
    expected = ", ".join(f"'{method}'" for method in methods)

    def restrict(handler: Handler) -> Handler:
        def handle(request: Request) -> Response | Stream:
            if request.method not in methods:
                raise Refusal(
                    405,
                    f"405 Method Not Allowed. Expecting one of {{ {expected} }}, "
                    f"but received '{request.method}'.",
                    {"Allow": ", ".join(methods)},
                )
            return handler(request)

        return handle

    return restrict


def read_call(request: Request, message: str) -> Json:
    """The typed call in the body of a POST to one of the v1 API endpoints; 400 or 415 where it is none.

    ``message`` names the definition in ``schema``, such as ``scheduler.Call``. What else a call must have
    is for ``validation`` to say.
    """
    kind = request.headers.get("content-type")
    if kind is None:
        raise Refusal(400, "Expecting 'Content-Type' to be present")
    if kind != JSON:
        raise Refusal(415, "Expecting 'Content-Type' of application/json or application/x-protobuf")
    try:
        return schema.parse(message, parse_json(request.body))
    except schema.SchemaError as error:
        raise Refusal(400, f"Failed to convert JSON into Call protobuf: {error}") from error


def parse_json(body: bytes) -> object:
    """Any JSON value; 400 with the place of the first error otherwise."""
    try:
        document = body.decode()
        return json.loads(document, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Refusal(400, f"Failed to parse body into JSON: {error}") from error
    except json.JSONDecodeError as error:
        rest = document[error.pos :].partition("\n")[0]
        message = f"Failed to parse body into JSON: syntax error at line {error.lineno} near: {rest}"
        raise Refusal(400, message) from error


def _no_constant(name: str) -> object:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def require_json_accepted(request: Request) -> None:
    """406 where the Accept header rules out JSON. No header allows anything."""
    accept = request.headers.get("accept", "*/*")
    ranges = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    if not any(kind in (JSON, "application/*", "*/*") for kind in ranges):
        raise Refusal(406, f"Expecting 'Accept' to allow 'application/x-protobuf' or '{JSON}'")


def read_form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form in the body."""
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Principal and secret of an HTTP Basic login, or None."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        principal, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (principal, secret) if colon else None


class Router:
    """Finds the handler of a path: the longest route that is a prefix of it, counted in whole elements.

    ``/state/more`` is served by ``/state`` therefore, but by no ``/``, which must match exactly. ``alias``
    is the name of the process (``/master``, ``/slave(1)``): every route is served below it as well.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._routes: dict[str, Handler] = {}

    def add(self, path: str, handler: Handler) -> None:
        """Serve a path, and all below it that have no route of their own."""
        self._routes[path] = handler

    def handle(self, request: Request) -> Response | Stream:
        """Hand the request to its route. Refusals and failures of the handler become responses."""
        try:
            return self._find(request.path)(request)
        except Refusal as refusal:
            return refusal.response
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return text(500, "Internal error; the log of this process has the details.")

    def _find(self, path: str) -> Handler:
        if path == self._alias or path.startswith(self._alias + "/"):
            path = path[len(self._alias) :] or "/"
        if path == "/" and "/" in self._routes:
            return self._routes["/"]
        while path.strip("/"):
            path = path.rstrip("/")
            if path in self._routes:
                return self._routes[path]
            path = path.rpartition("/")[0]
        raise Refusal(404, "404 Not Found.")


class Server:
    """Serves a router on one address. ``start`` binds and returns; requests run in greenlets of their own."""

    def __init__(self, ip: str, port: int, router: Router) -> None:
        self._router = router
        self._server = pywsgi.WSGIServer(
            (ip, port), self._application, log=None, error_log=log, handler_class=_Handler
        )

    def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        self._server.start()

    def stop(self) -> None:
        """Listen no more, and end the open connections."""
        self._server.stop(timeout=1)

    def _application(self, environ: Json, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = _request(environ)
        if request is None:
            result: Response | Stream = text(413, "The body of a request is limited to 256 MB.")
        else:
            result = self._router.handle(request)
        if isinstance(result, Response):
            headers = {**result.headers, "Content-Length": str(len(result.body))}
            start_response(f"{result.status} {REASONS[result.status]}", list(headers.items()))
            return [result.body]
        environ[_HANDLER].close_connection = True
        start_response("200 OK", list(result.headers.items()))
        return result.chunks(environ[_HANDLER].socket)


_HANDLER = "local.handler"


class _Handler(pywsgi.WSGIHandler):  # type: ignore[misc] # gevent has no types
    """Lets the application see its connection, and keeps the log free of clients that went away."""

    def get_environ(self) -> Json:
        environ: Json = super().get_environ()
        environ[_HANDLER] = self
        return environ


def _request(environ: Json) -> Request | None:
    """The request of a WSGI environment; None when its body is too long."""
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    if kind := environ.get("CONTENT_TYPE"):
        headers["content-type"] = kind
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return None
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return Request(
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", ""),
        headers,
        environ["wsgi.input"].read(),
        environ[_HANDLER].socket,
    )


def logged_in(request: Request, principal: str) -> Request:
    """The same request, by somebody who has shown who he is."""
    return replace(request, principal=principal)
