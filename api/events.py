"""The event log: who did what, when and why."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from api import answers, render
from api.openapi import parameters
from api.openapi.described import described
from api.requests import refuse
from scheduler.daemon.service import Service
from scheduler.decide import eventlog

NEWEST = 100
"""So many events are answered where no cursor is given."""

LONGEST_WAIT_SECONDS = 30


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The call /v1/events."""
    routes = Blueprint("events", __name__)

    @routes.get("/v1/events")
    @described({200: answers.Events}, parameters.SINCE, parameters.WAIT)
    def events() -> Response:
        """Events after ``since``, the oldest first; the newest hundred without it.

        ``wait``: where there is none yet, the answer comes with the first, at the latest after so many
        seconds. ``cursor`` of an answer is the next call's ``since``. One of a service that was installed
        anew since counts as none given.
        """
        since, wait = _number("since", 2**63), _number("wait", LONGEST_WAIT_SECONDS)
        if since is not None and since > eventlog.last_number(service.world().ledger):
            since = None
        if since is not None and wait:
            service.await_events(since, wait)
        ledger = service.world().ledger
        found = eventlog.entries(ledger, since or 0)
        shown = found if since is not None else found[-NEWEST:]
        last = eventlog.last_number(ledger)
        return jsonify({"events": [render.event(entry) for entry in shown], "cursor": str(last)})

    return routes


def _number(name: str, most: int) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        refuse(name, f"the parameter {name} is a whole number from 0 to {most}, not {text}")
    return int(text)
