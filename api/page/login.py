"""Logging in to the page: a browser keeps the token in a cookie, which stands for the header Authorization.

It does so for the page alone, whose changes are refused where another site makes the browser send them; the
rest of the API takes no cookie.
"""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response

from api.auth.callers import Identify, Unauthorized

COOKIE = "cassandra-token"

PAGES = frozenset({"page.show", "page.order"})


def take_login() -> None:
    """A step before every request: give a call of the page's the header that its cookie stands for."""
    token = request.cookies.get(COOKIE)
    if token and request.endpoint in PAGES and "Authorization" not in request.headers:
        request.environ["HTTP_AUTHORIZATION"] = f"token={token}"


def enter(identify: Identify | None) -> Response:
    """Have the browser keep the token of a form, if it is one. Raises Unauthorized."""
    token = request.form.get("token", "").strip()
    if identify is not None:
        if not token:
            raise Unauthorized("there is no token in the form")
        identify(token)
    answer = redirect("./", 303)
    # Without a path it is sent to the form's folder alone, which is the service's, whatever is before it.
    answer.set_cookie(COOKIE, token, path=None, httponly=True, samesite="Lax", secure=_is_secure())
    return answer


def leave() -> Response:
    """Have the browser forget the token."""
    answer = redirect("./", 303)
    answer.set_cookie(COOKIE, "", path=None, max_age=0, httponly=True, samesite="Lax", secure=_is_secure())
    return answer


def _is_secure() -> bool:
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
