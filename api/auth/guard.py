"""Asks before every call who calls, and whether it may; refuses what other sites make a browser send."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import g, request

from api.auth.callers import ANYBODY, Forbidden, Identify, Unauthorized

READS = frozenset({"GET", "HEAD", "OPTIONS"})

OPEN = frozenset(
    {"state.health", "state.ready", "state.health_check", "state.ping", "state.artifact", "nodes.seeds"}
)
"""Calls that need no token: what Marathon, agents and other data centers ask."""

METRICS = "metrics.metrics"

HEADER = re.compile(r"\s*(?:token=|bearer\s+)(\S+)\s*", re.IGNORECASE)

MISSING = "this call needs a token, in the header Authorization: token=<token> or Bearer <token>"


def open_calls(*, metrics: bool) -> frozenset[str]:
    """The endpoints that need no token."""
    return OPEN | {METRICS} if metrics else OPEN


def guarding(identify: Identify | None, open_to_all: frozenset[str]) -> Callable[[], None]:
    """A step before every request, which leaves the caller for ``callers.caller``.

    Without ``identify`` anybody may call. Raises Unauthorized or Forbidden.
    """

    def guard() -> None:
        _refuse_other_sites()
        g.caller = ANYBODY
        if identify is None or request.endpoint in open_to_all:
            return
        g.caller = identify(_token())
        if request.method not in READS and not g.caller.may_write:
            raise Forbidden(f"the token of {g.caller.name} is read-only; changes need a read-write one")

    return guard


def _token() -> str:
    """The token as it was sent. Raises Unauthorized."""
    header = request.headers.get("Authorization")
    if header is None:
        raise Unauthorized(MISSING)
    match = HEADER.fullmatch(header)
    if match is None:
        raise Unauthorized("the header Authorization must be token=<token> or Bearer <token>")
    return match[1].strip('"')


def _refuse_other_sites() -> None:
    """Refuse a change that a browser sends for a page of another site: it adds the user's login by itself.

    Browsers say where a request comes from, by Sec-Fetch-Site or, older ones, by Origin; other clients say
    neither.
    """
    if request.method in READS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("a page of another site may not change anything here; use the service's own page")
    source = request.headers.get("Origin")
    if site is None and source is not None and urlsplit(source).netloc not in _own_hosts():
        raise Forbidden("a page of another site may not change anything here; use the service's own page")


def _own_hosts() -> set[str]:
    """The names under which the browser may know this service."""
    return {request.host, request.headers.get("X-Forwarded-Host", request.host)}
