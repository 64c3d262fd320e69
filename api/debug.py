"""What operators look at when a node is not started: offers, and what is reserved."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers, render
from api.openapi.described import described
from scheduler.daemon.service import Service


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/debug."""
    routes = Blueprint("debug", __name__)

    @routes.get("/v1/debug/offers")
    @described({200: list[answers.Offer]})
    def offers() -> Response:
        """The last offers, the newest first, and why each was declined or what it was used for."""
        return jsonify([render.fate(fate) for fate in service.offers()])

    @routes.get("/v1/debug/reservations")
    @described({200: list[answers.Reservation]})
    def reservations() -> Response:
        """What is reserved by the records, node by node, and what was given up."""
        return jsonify(
            [one for node in service.world().ledger.members() for one in render.reservations(node)]
        )

    return routes
