"""Reading requests: query parameters and bodies, strictly."""

from __future__ import annotations

import json
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from api.errors import BadRequest


def query(*allowed: str) -> dict[str, str]:
    """The query parameters, each at most once. Raises BadRequest for any other."""
    found: dict[str, str] = {}
    for name, values in request.args.lists():
        if name not in allowed:
            known = f"; it takes {', '.join(allowed)}" if allowed else ""
            raise BadRequest(f"this call has no parameter {name}{known}", name)
        if len(values) != 1:
            raise BadRequest(f"the parameter {name} stands there {len(values)} times", name)
        found[name] = values[0]
    return found


def required(parameters: dict[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = parameters.get(name)
    if not value:
        raise BadRequest(f"the parameter {name} is missing", name)
    return value


def no_body() -> None:
    """Take a request without a body, or with an empty object. Raises BadRequest for any other."""
    data = request.get_data(cache=False)
    if not data.strip():
        return
    if request.method == "POST" and request.mimetype != "application/json":
        raise UnsupportedMediaType
    if _object(data):
        raise BadRequest("this call takes no body")


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body
