"""Errors as answers: JSON with one sentence, whatever went wrong."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from scheduler.daemon.service import Conflict, NoAnswer, NotFound, Unavailable

log = logging.getLogger(__name__)


class BadRequest(Exception):
    """A parameter or body that is not what it should be (HTTP 400)."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotThereYet(Exception):
    """A call of the contract that this version cannot do (HTTP 501)."""


STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    Conflict: 409,
    NotThereYet: 501,
    Unavailable: 503,
    NoAnswer: 503,
}

SENTENCES = {
    404: "there is nothing at this path; the documentation lists the calls",
    405: "this path does not take this method",
    413: "the body is larger than 1 MiB",
    415: "the body of a POST must be JSON, with Content-Type application/json",
}


def message(text: str, status: int, **more: Any) -> Response:
    """An answer of one sentence."""
    response = jsonify({"message": text, **more})
    response.status_code = status
    return response


def install(app: Flask) -> None:
    """Have every error of the app answered as JSON."""
    for kind, status in STATUS.items():
        app.register_error_handler(kind, _handler(status))
    app.register_error_handler(BadRequest, _bad_request)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _handler(status: int) -> Any:
    return lambda error: message(str(error), status)


def _bad_request(error: BadRequest) -> Response:
    errors = [{"field": error.field, "message": str(error)}] if error.field else None
    return message(str(error), 400, **({"errors": errors} if errors else {}))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = message(SENTENCES.get(status, error.description or error.name), status)
    valid = getattr(error, "valid_methods", None)
    if valid:
        response.headers["Allow"] = ", ".join(sorted(valid))
    return response


def _unexpected(error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return message("the service failed to answer; its log says why", 500)
