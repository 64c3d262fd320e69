"""Callers of the API, and the errors for those who may not call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flask import g, request

LONGEST_ORIGIN = 200


class Unauthorized(Exception):
    """No token, or one that is not valid (HTTP 401)."""


class Forbidden(Exception):
    """The caller is known, and may not do this (HTTP 403)."""


@dataclass(frozen=True)
class Caller:
    """Who calls. ``name`` is the one in the event log."""

    name: str
    may_write: bool = True


ANYBODY = Caller("anybody")
"""Whoever calls where the API asks for no token."""


class Identify(Protocol):
    """Tells callers by their tokens."""

    def __call__(self, token: str) -> Caller:
        """Who has this token. Raises Unauthorized, or Unavailable where that cannot be found out now."""


def caller() -> Caller:
    """Who has made the present call; the guard has found it out."""
    found: Caller = g.get("caller", ANYBODY)
    return found


def origin() -> str:
    """Where the present call comes from, nearest last: what proxies say, then the connection's address."""
    told = request.headers.get("X-Forwarded-For", "")
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    chain = " > ".join([*hops, request.remote_addr or "unknown"])
    return chain[-LONGEST_ORIGIN:]
