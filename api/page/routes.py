"""The page's calls: itself, its assets, and where its forms go."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent
from flask import Blueprint, Response, current_app, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from api.auth.callers import Forbidden, Identify, Unauthorized, caller
from api.errors import STATUS, BadRequest, refusal
from api.orders import give
from api.page import forms, login, view, words
from api.page.statuses import Statuses
from scheduler.daemon.service import Conflict, NoAnswer, NotFound, Service, Unavailable

ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
FOLDER = Path(__file__).with_name("assets")

OPEN = frozenset({"page.asset", "page.enter", "page.leave"})
"""Calls that need no token: what the form that asks for one is made up with."""

ROOT = "api.page_root"
"""In a request's environment: what leads from its path to the page's folder, where that is not nothing."""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

INSTEAD: dict[type[Exception], str] = {
    Unavailable: "away.html",
    Forbidden: "forbidden.html",
    Unauthorized: "login.html",
}
"""Pages that tell nothing of the cluster, for those who may not see it or while nothing is known."""

WORDS = (words.tone, words.fullness, words.word, words.size, words.span, words.distance, words.full)
"""What templates write values with."""

PIECES = 100
"""After so many pieces of a page another call has its turn: some milliseconds."""

FIELD_BYTES = 10_000
"""More than any of the page's own forms has."""


def blueprint(service: Service, clock: Callable[[], float], identify: Identify | None) -> Blueprint:
    """The page at /, its assets, and where its forms go. ``identify`` tells who logs in."""
    routes = Blueprint("page", __name__, template_folder="templates")
    statuses = Statuses(service, clock)
    assets = {name: (FOLDER / name).read_bytes() for name in ASSETS}
    version = hashlib.sha256(b"".join(assets.values())).hexdigest()[:12]

    def shown(told: str = "", problem: str = "", status: int = 200) -> Response:
        world = service.world()
        values = view.page(world, service.health(), statuses.of(world.ledger.members()), clock())
        who = {"may_write": caller().may_write, "may_leave": login.COOKIE in request.cookies}
        return _page("page.html", status, version, told=told, problem=problem, **who, **values)

    def instead(template: str, status: int, problem: str) -> Response:
        """A page that tells nothing of the cluster."""
        tried = request.method == "POST" or "Authorization" in request.headers
        name = service.settings.service.name
        return _page(template, status, version, service=name, problem=problem, tried=tried)

    @routes.get("/")
    def show() -> Response:
        return shown(told=forms.DONE.get(request.args.get("done", ""), ""))

    @routes.post("/order")
    def order() -> AnyResponse:
        request.max_form_memory_size = FIELD_BYTES
        wanted = forms.read(request.form, service)
        give(service, wanted.command, wanted.plan)
        return redirect(f"./?done={request.form['order']}", 303)

    @routes.post("/login")
    def enter() -> AnyResponse:
        request.max_form_memory_size = FIELD_BYTES
        return login.enter(identify)

    @routes.post("/logout")
    def leave() -> AnyResponse:
        return login.leave()

    @routes.get("/assets/<any(" + ", ".join(map(repr, ASSETS)) + "):name>")
    def asset(name: str) -> Response:
        response = Response(assets[name], mimetype=ASSETS[name])
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    def failed(error: Exception) -> Response:
        """An error as a page, or in JSON where no page was asked for."""
        status = STATUS[type(error)]
        if "text/html" not in request.headers.get("Accept", ""):
            return refusal(error)
        if type(error) in INSTEAD:
            return instead(INSTEAD[type(error)], status, str(error))
        return shown(problem=str(error), status=status)

    for kind in (BadRequest, NotFound, Conflict, NoAnswer, *INSTEAD):
        routes.register_error_handler(kind, failed)

    @routes.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return routes


def _page(template: str, status: int, version: str, **values: Any) -> Response:
    root = request.environ.get(ROOT, "")
    helpers = {word.__name__: word for word in WORDS}
    made = current_app.jinja_env.get_template(template)
    return make_response(_rendered(made.generate(root=root, version=version, **helpers, **values)), status)


def _rendered(pieces: Iterable[str]) -> str:
    """A page, in the making of which other calls are answered: a page of 100 nodes takes a while."""
    found = []
    for number, piece in enumerate(pieces, 1):
        found.append(piece)
        if number % PIECES == 0:
            gevent.sleep(0)
    return "".join(found)
