"""What an instance that does not lead answers: what the leader answers it, one hop away."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from flask import Response, request

from api.requests import whole_body
from api.tls import leader_context
from scheduler.daemon.service import Service, Unavailable

log = logging.getLogger(__name__)

HOP = "X-Proxied-By"
"""On a request that has taken its hop: an instance that does not lead any more must not pass it on."""

SERVED_BY = "X-Served-By"

ANSWER_SECONDS = 30.0
"""Longer than any command waits for ZooKeeper."""

CONNECT_SECONDS = 3.0

HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to one connection, or are made anew for it."""

OWN = frozenset({"state.health", "state.artifact"})
"""What every instance tells and serves itself; so it does with ``/metrics``."""

ALSO_WITHOUT_LEADER = frozenset({"state.health_check", "state.ping", "page.asset"})
"""What tells how this instance does while nobody is known to lead, and what the page is made up with."""


def passing_on(service: Service) -> Callable[[], Response | None]:
    """A step before every request: the leader's answer, or None where this instance is to answer."""

    def pass_on() -> Response | None:
        if request.endpoint in OWN or request.path == "/metrics":
            return None
        leader = service.elsewhere()
        if leader is not None and HOP not in request.headers:
            return _answer_of(leader, service)
        if request.endpoint not in ALSO_WITHOUT_LEADER:
            service.world()  # raises Unavailable where this instance does not lead
        return None

    return pass_on


def _answer_of(leader: str, service: Service) -> Response:
    connection = _connect(leader, service)
    try:
        connection.request(request.method, _target(), whole_body(), _headers(service))
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        log.warning("the leader at %s gave no answer: %s", leader, error or type(error).__name__)
        raise Unavailable(_unanswered(leader)) from None
    finally:
        connection.close()
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
    passed = Response(body, answer.status)
    passed.headers.clear()
    passed.headers.extend(headers)
    passed.headers[SERVED_BY] = leader
    return passed


def _connect(leader: str, service: Service) -> http.client.HTTPConnection:
    where = urlsplit(leader)
    host = where.hostname or ""
    if where.scheme == "https":
        tls = leader_context(service.settings.api)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, where.port, timeout=CONNECT_SECONDS, context=tls
        )
    else:
        connection = http.client.HTTPConnection(host, where.port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
    except OSError as error:
        log.warning("the leader at %s cannot be reached: %s", leader, error)
        raise Unavailable(
            f"this instance does not lead, and the leader at {leader} cannot be reached: "
            "nothing was changed; try again in a few seconds"
        ) from None
    connection.sock.settimeout(ANSWER_SECONDS)
    return connection


def _target() -> str:
    path = quote(request.environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
    query = request.environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _headers(service: Service) -> dict[str, str]:
    passed = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    passed["X-Forwarded-For"] = ", ".join(
        hop for hop in (request.headers.get("X-Forwarded-For"), request.remote_addr) if hop
    )
    # Under this name the browser knows the service, which tells changes of its own page from other sites'.
    passed.setdefault("X-Forwarded-Host", request.host)
    return {**passed, HOP: service.settings.service.name}


def _unanswered(leader: str) -> str:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return f"the leader at {leader} did not answer; try again in a few seconds"
    return (
        f"the leader at {leader} did not answer, so it is not known whether the command is stored; "
        "repeating it is harmless"
    )
