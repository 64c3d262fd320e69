"""Errors as answers: JSON with one sentence, whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from api.auth.callers import Forbidden, Unauthorized
from scheduler.daemon.service import Conflict, NoAnswer, NotFound, Unavailable

log = logging.getLogger(__name__)


class BadRequest(Exception):
    """Parameters or a body that are not what they should be (HTTP 400).

    ``fields`` maps the name of each wrong field or parameter to what is wrong with it.
    """

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotThereYet(Exception):
    """A call of the contract that this version cannot do (HTTP 501)."""


STATUS: dict[type[Exception], int] = {
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    NotThereYet: 501,
    Unavailable: 503,
    NoAnswer: 503,
}

SENTENCES = {
    404: "there is nothing at this path; the documentation lists the calls",
    413: "the body is larger than 1 MiB; send a smaller one",
    415: "the body of a POST must be JSON, sent with Content-Type: application/json",
}


def message(text: str, status: int, /, **more: Any) -> Response:
    """An answer of one sentence."""
    response = jsonify({"message": text, **more})
    response.status_code = status
    return response


def install(app: Flask) -> None:
    """Have every error of the app answered as JSON."""
    for kind in STATUS:
        app.register_error_handler(kind, refusal)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def refusal(error: Exception) -> Response:
    """The answer to one of the errors in STATUS."""
    status, fields = STATUS[type(error)], getattr(error, "fields", {})
    errors = [{"field": name, "message": text} for name, text in fields.items()]
    response = message(str(error), status, **({"errors": errors} if errors else {}))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="cassandra"'
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    methods = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    text = f"this path does not take {request.method}, but {methods}" if methods else SENTENCES.get(status)
    response = message(text or error.description or error.name, status)
    if methods:
        response.headers["Allow"] = methods
    if isinstance(error, RequestEntityTooLarge | ClientDisconnected):
        # What is left of the body cannot be told from a next request.
        response.headers["Connection"] = "close"
    return response


def _unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return message("the service failed to answer; its log says why", 500)
