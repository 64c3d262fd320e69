"""Calls that clients may know and that a later version answers: 501, with what is missing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from api.answers import Error
from api.errors import NotThereYet
from api.openapi.described import described

CALLS: tuple[tuple[str, str, str], ...] = (("PUT", "/v1/datacenter", "a cluster over several data centers"),)
"""Method, path and what is not there yet."""


def blueprint() -> Blueprint:
    """All of them."""
    routes = Blueprint("coming", __name__)
    sentences = {(method, path): f"{what} is not there yet" for method, path, what in CALLS}

    @described({501: Error})
    def refuse(**_names: Any) -> Response:
        """Not there yet."""
        rule = request.url_rule.rule if request.url_rule else ""
        method = "GET" if request.method == "HEAD" else request.method
        raise NotThereYet(sentences[method, rule])

    for method, path, _ in CALLS:
        routes.add_url_rule(path, f"{method} {path}".replace(".", " "), refuse, methods=[method])
    return routes
