"""The call that answers the description."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, jsonify

from api.openapi.described import described
from api.openapi.document import document
from protocol.codec import Json


def blueprint(app: Flask) -> Blueprint:
    """The call /v1/openapi.json, once all others are there."""
    routes = Blueprint("openapi", __name__)

    @cache
    def whole() -> Json:
        return document(app)

    @routes.get("/v1/openapi.json")
    @described({200: dict[str, Any]})
    def description() -> Response:
        """This description, in the form of OpenAPI 3.1"""
        return jsonify(whole())

    return routes
