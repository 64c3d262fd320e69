"""Calls that clients may know and that a later version answers: 501, with what is missing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from api.errors import NotThereYet

OPERATIONS = ("backup", "restore")

CALLS: tuple[tuple[str, str, str], ...] = (
    *(("PUT", f"/v1/{name}/start", name) for name in OPERATIONS),
    *(("PUT", f"/v1/{name}/stop", name) for name in OPERATIONS),
    *(("GET", f"/v1/{name}/status", name) for name in OPERATIONS),
    ("PUT", "/v1/backup/verify", "the check of backups"),
    ("PUT", "/v1/backups/list", "the list of backups"),
    ("PUT", "/v1/backups/delete", "the deletion of backups"),
    ("GET", "/v1/backups", "the list of backups"),
    ("DELETE", "/v1/backups/<path:name>", "the deletion of backups"),
    ("PUT", "/v1/datacenter", "a cluster over several data centers"),
    ("GET", "/v1/openapi.json", "the OpenAPI description"),
)
"""Method, path and what is not there yet."""


def blueprint() -> Blueprint:
    """All of them."""
    routes = Blueprint("coming", __name__)
    sentences = {(method, path): f"{what} is not there yet" for method, path, what in CALLS}

    def refuse(**_names: Any) -> Response:
        rule = request.url_rule.rule if request.url_rule else ""
        method = "GET" if request.method == "HEAD" else request.method
        raise NotThereYet(sentences[method, rule])

    for method, path, _ in CALLS:
        routes.add_url_rule(path, f"{method} {path}".replace(".", " "), refuse, methods=[method])
    return routes
