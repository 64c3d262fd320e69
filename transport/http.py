"""Calls of the Mesos v1 HTTP API: a single POST and its answer, or the stream that SUBSCRIBE opens.

Every call has its own connection. That costs little, and no call ever waits for another one's answer or
meets a connection that the other side has given up.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from transport.recordio import records

MAX_TEXT_BYTES = 4096
"""So much of an error's text is read; Mesos writes a sentence."""

KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_PROBES = 30, 10, 3
"""A peer that vanished is noticed after a minute, also where events are rare."""

Json = Mapping[str, Any]


class Unreachable(Exception):
    """No connection came about: nothing was sent."""


class AnswerLost(Exception):
    """The connection broke or stayed silent after the call was sent, so its fate is unknown."""


@dataclass(frozen=True)
class Answer:
    """The answer to a call: Mesos gives 202 and no text for one that it has received."""

    status: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the call was received; what it asks for may still fail."""
        return 200 <= self.status < 300


class Stream:
    """The answer to SUBSCRIBE: where ``status`` is 200, a stream of events until either side ends it."""

    def __init__(self, sock: socket.socket, response: HTTPResponse) -> None:
        self._sock = sock
        self._response = response
        self.status = response.status
        self.stream_id = response.headers.get("Mesos-Stream-Id")
        self.location = response.headers.get("Location")

    def text(self) -> str:
        """What the answer says where it is a refusal."""
        return _text(self._response)

    def events(self) -> Iterator[bytes]:
        """The events as they come, in JSON. Raises OSError, HTTPException or RecordError when broken."""
        return records(self._response)

    def expect_life(self, within_seconds: float | None) -> None:
        """Break the stream off (TimeoutError) when nothing at all comes for so long; None waits for ever."""
        self._sock.settimeout(within_seconds)

    def interrupt(self) -> None:
        """End the stream from another thread; its reader sees the end at once."""
        with contextlib.suppress(OSError):  # the other side may have ended it just now
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release the connection; for the reader alone."""
        self._response.close()
        self._sock.close()


def post(address: str, path: str, body: Json, headers: Mapping[str, str], timeout: float) -> Answer:
    """Make one call and return its answer. Raises Unreachable or AnswerLost.

    ``address`` is host:port. ``timeout``, in seconds, holds for connecting and for every wait after it.
    """
    connection = _connect(address, timeout)
    try:
        response = _request(connection, path, body, {**headers, "Connection": "close"})
        return Answer(response.status, _text(response))
    finally:
        connection.close()


def subscribe(address: str, path: str, body: Json, headers: Mapping[str, str], timeout: float) -> Stream:
    """Send a SUBSCRIBE and return its answer's stream. Raises Unreachable or AnswerLost."""
    connection = _connect(address, timeout)
    try:
        sock = connection.sock
        _keep_alive(sock)
        return Stream(sock, _request(connection, path, body, {**headers, "Accept": "application/json"}))
    except BaseException:
        connection.close()
        raise


def _connect(address: str, timeout: float) -> HTTPConnection:
    try:
        connection = HTTPConnection(address, timeout=timeout)
        connection.connect()
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a host name that cannot be encoded
        raise Unreachable(f"{address} cannot be reached: {error}") from error
    return connection


def _request(connection: HTTPConnection, path: str, body: Json, headers: Mapping[str, str]) -> HTTPResponse:
    data = json.dumps(body).encode()
    try:
        connection.request("POST", path, data, {**headers, "Content-Type": "application/json"})
        return connection.getresponse()
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise AnswerLost(f"{connection.host}:{connection.port} gave no answer: {reason}") from error


def _text(response: HTTPResponse) -> str:
    try:
        return response.read(MAX_TEXT_BYTES).decode(errors="replace").strip()
    except (OSError, HTTPException):
        return ""  # the status has come, and it says enough


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
