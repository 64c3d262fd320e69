"""Reading commands: query parameters and bodies, strictly. What else a read is asked is ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from api.errors import BadRequest

MOST_BODY_BYTES = 1 << 20


def refuse_large_body() -> None:
    """Refuse a body by its declared length alone, also where a call would never look at it."""
    _refuse_more_than_most(request.content_length or 0)


def query(*allowed: str) -> dict[str, str]:
    """The query parameters of a command, each at most once. Raises BadRequest naming any other."""
    problems: dict[str, str] = {}
    for name, values in request.args.lists():
        if name == "dry_run" and name not in allowed:
            problems[name] = "this call has no dry_run: nothing was changed; leave it out to carry it out"
        elif name not in allowed:
            known = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            problems[name] = f"this call has no parameter {name}; {known}"
        elif len(values) > 1:
            problems[name] = f"the parameter {name} is given {len(values)} times; give it once"
    refuse_fields(problems)
    return {name: values[0] for name, values in request.args.lists()}


def required(parameters: dict[str, str], name: str) -> str:
    """A parameter that must be there. Raises BadRequest."""
    value = parameters.get(name)
    if not value:
        refuse(name, f"the parameter {name} is missing")
    return value or ""


def switch(parameters: dict[str, str], name: str) -> bool:
    """A parameter that is true or false, and false where it is not given. Raises BadRequest."""
    value = parameters.get(name, "false").lower()
    if value not in ("true", "false"):
        refuse(name, f"the parameter {name} is true or false, not {value}")
    return value == "true"


def no_body() -> None:
    """Take a command without a body, or with an empty object. Raises BadRequest naming any field."""
    refuse_fields({name: f"this call has no field {name}; it takes no body" for name in body()})


def body() -> dict[str, Any]:
    """The fields of a command's body. Raises BadRequest where it is no JSON object."""
    return _object(whole_body())


def whole_body() -> bytes:
    """The body as it was sent."""
    data = request.get_data(cache=False)
    # A body without declared length is cut off at the app's limit, which is therefore one byte more.
    _refuse_more_than_most(len(data))
    return data


def _refuse_more_than_most(size: int) -> None:
    if size > MOST_BODY_BYTES:
        raise RequestEntityTooLarge


def _object(data: bytes) -> dict[str, Any]:
    """A body's fields; a PUT may name any content type, since curl's default is that of a form."""
    if not data.strip():
        return {}
    if request.method == "POST" and request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def names(fields: Mapping[str, Any], field: str) -> tuple[str, ...] | None:
    """A field of a body that is a list of names; None where it is left out. Raises BadRequest."""
    found = fields.get(field)
    if found is None:
        return None
    if not isinstance(found, list) or not found or not all(isinstance(name, str) and name for name in found):
        refuse(field, f"{field} must be a list of at least one name; leave it out for all")
    return tuple(dict.fromkeys(found))


def refuse_strange(what: str, fields: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise BadRequest naming each field of a body that is none of the known ones."""
    strange = [name for name in fields if name not in known]
    refuse_fields({name: f"{what} has no field {name}; it takes {', '.join(known)}" for name in strange})


def refuse(field: str, *problems: str) -> None:
    """Raise BadRequest with what is wrong with a field or parameter; nothing where there are no problems."""
    if problems:
        text = "; ".join(problems)
        raise BadRequest(text, {field: text})


def refuse_fields(problems: Mapping[str, str]) -> None:
    """Raise BadRequest with what is wrong with several fields or parameters; nothing where there are none."""
    if problems:
        raise BadRequest("; ".join(problems.values()), problems)
