"""The description as a whole: every route of an app that says what it takes and answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from api.answers import Error
from api.auth.guard import METRICS, OPEN, READS
from api.openapi.described import Call, Text, call_of
from api.openapi.schemas import Schemas
from protocol.codec import Json

VARIABLE = re.compile(r"<(?:(?P<converter>\w+)(?:\((?P<values>[^)]*)\))?:)?(?P<name>\w+)>")

MEANINGS = {
    400: "A parameter or the body is not what it should be.",
    401: "There is no token, or no valid one.",
    403: "The token is read-only, or a page of another site makes a browser send this.",
    404: "What the path or the order names does not exist.",
    409: "The order does not fit the state of the cluster.",
    413: "The body is larger than 1 MiB.",
    415: "The body of a POST is not sent as application/json.",
    417: "The plan has errors.",
    501: "This version cannot do that yet; the sentence says what.",
    503: "The service cannot answer now; the sentence says why.",
}

USUAL = {
    200: "The answer.",
    202: "It is stored and goes on.",
}

TITLE = "Cassandra on Mesos"


def document(app: Flask) -> Json:
    """The OpenAPI 3.1 description of an app's calls."""
    schemas = Schemas()
    paths: dict[str, dict[str, Json]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        call = call_of(view)
        if call is not None:
            for path, values in _expanded(rule):
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    operation = _operation(schemas, rule, call, view, method, values)
                    paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1", "description": "See docs/api.md."},
        "servers": [{"url": "..", "description": "This service, whatever proxy it is behind."}],
        "security": [{"bearer": []}, {"token": []}],
        "paths": paths,
        "components": {
            "responses": _usual_errors(schemas),
            "schemas": dict(sorted(schemas.named.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "token=<token>",
                },
            },
        },
    }


def _usual_errors(schemas: Schemas) -> Json:
    """The errors that many calls may be answered with, by their status."""
    content = {"application/json": {"schema": schemas.of(Error)}}
    return {str(status): {"description": text, "content": content} for status, text in MEANINGS.items()}


def _expanded(rule: Rule) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The paths of a rule, one for each value of a variable that has only a few, with those values."""
    few = next((match for match in VARIABLE.finditer(rule.rule) if match["converter"] == "any"), None)
    if few is None:
        yield _path(rule.rule), {}
        return
    for value in few["values"].split(","):
        yield _path(rule.rule.replace(few[0], value.strip())), {few["name"]: value.strip()}


def _path(rule: str) -> str:
    return VARIABLE.sub(lambda match: f"{{{match['name']}}}", rule)


def _operation(
    schemas: Schemas,
    rule: Rule,
    call: Call,
    view: Callable[..., Any],
    method: str,
    values: Mapping[str, str],
) -> Json:
    answers = {**call.answers, **dict.fromkeys(_errors(rule, call, method), Error)}
    # What a call says of its own answers wins over what is usual.
    answers |= dict(call.answers)
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n")
    operation: dict[str, Json] = {"summary": summary.rstrip("."), "operationId": _ident(rule, method, values)}
    if rest.strip():
        operation["description"] = " ".join(rest.split())
    parameters = [*_path_parameters(rule, values), *_query_parameters(schemas, call)]
    if parameters:
        operation["parameters"] = parameters
    if call.body is not None:
        operation["requestBody"] = _body(schemas, call.body, values)
    if rule.endpoint in OPEN | {METRICS}:
        operation["security"] = [{}]
    operation["responses"] = {
        str(status): _response(schemas, status, kind) for status, kind in sorted(answers.items())
    }
    return operation


def _ident(rule: Rule, method: str, values: Mapping[str, str]) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", " ", _path(rule.rule).replace("/v1/", "/")).split()
    words = [values.get(word, word) for word in words]
    return "".join([method.lower(), *(word[0].upper() + word[1:] for word in words)]) or method.lower()


def _errors(rule: Rule, call: Call, method: str) -> Iterator[int]:
    """The errors that any call of this kind may be answered with."""
    yield 400
    yield 503
    if rule.endpoint not in OPEN:
        yield 401
    if method not in READS:
        yield from (403, 413)
    if method == "POST":
        yield 415
    yield from call.refusals


def _path_parameters(rule: Rule, values: Mapping[str, str]) -> Iterator[Json]:
    for match in VARIABLE.finditer(rule.rule):
        if match["name"] not in values:
            yield {"name": match["name"], "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(schemas: Schemas, call: Call) -> Iterator[Json]:
    for one in call.query:
        yield {
            "name": one.name,
            "in": "query",
            "required": one.required,
            "description": one.meaning,
            "schema": schemas.of(one.kind),
        }


def _body(schemas: Schemas, body: Any, values: Mapping[str, str]) -> Json:
    kind = body[next(iter(values.values()))] if isinstance(body, dict) else body
    return {"required": True, "content": {"application/json": {"schema": schemas.of(kind)}}}


def _response(schemas: Schemas, status: int, kind: Any) -> Json:
    if kind is Error:
        return {"$ref": f"#/components/responses/{status}"}
    described = {"description": USUAL.get(status) or MEANINGS[status]}
    if isinstance(kind, Text):
        return {**described, "content": {kind.content_type: {"schema": {"type": "string"}}}}
    return {**described, "content": {"application/json": {"schema": schemas.of(kind)}}}
