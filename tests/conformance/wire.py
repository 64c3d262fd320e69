"""The v1 HTTP API byte by byte: for the tests to which it matters how things are written."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from tests.integration.scripted_server import eventually
from transport.recordio import RecordError, records

Json = dict[str, Any]
Headers = Mapping[str, str | None]
"""None takes a header away that would be sent otherwise."""

SCHEDULER, EXECUTOR = "/api/v1/scheduler", "/api/v1/executor"
JSON_BOTH_WAYS = {"Content-Type": "application/json", "Accept": "application/json"}
SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """An answer that has ended."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def request(
    address: str, method: str, path: str, body: object = None, headers: Headers = JSON_BOTH_WAYS
) -> Reply:
    """One request; what is neither text nor bytes nor None is sent as JSON."""
    connection, response = _send(address, method, path, body, headers)
    try:
        return Reply(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


def _send(
    address: str, method: str, path: str, body: object, headers: Headers
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    connection.request(method, path, data, {k: v for k, v in headers.items() if v is not None})
    return connection, connection.getresponse()


def basic(principal: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{principal}:{secret}".encode()).decode()}


class Subscription:
    """An event stream, and calls in its name. ``events`` are as decoded from JSON."""

    def __init__(
        self, address: str, body: Json, path: str = SCHEDULER, headers: Headers = JSON_BOTH_WAYS
    ) -> None:
        """Sends the SUBSCRIBE. Unless ``status`` is 200, ``text`` says why not."""
        self.address, self.path = address, path
        self.events: list[Json] = []
        self.ended = threading.Event()
        self._connection, self._response = _send(address, "POST", path, body, headers)
        self._headers = headers
        self.status, self.headers = self._response.status, self._response.headers
        self.text = "" if self.status == 200 else self._response.read().decode()
        self.framework_id: Json | None = body.get("framework_id")
        if self.status == 200:
            self._socket = self._connection.sock
            self._socket.settimeout(None)
            threading.Thread(target=self._read, daemon=True).start()

    def wait(self, kind: str, fits: Callable[[Json], object] = lambda event: True) -> Json:
        """The body of the first event of that type that fits."""

        def found() -> list[Json]:
            return [e for e in list(self.events) if e["type"] == kind and fits(e.get(kind.lower(), {}))]

        eventually(found, f"{kind}, among {[event['type'] for event in self.events]}")
        body: Json = found()[0].get(kind.lower(), {})
        return body

    def subscribed(self) -> Subscription:
        """Wait for SUBSCRIBED."""
        self.framework_id = self.wait("SUBSCRIBED")["framework_id"]
        return self

    def refusal(self) -> str:
        """The ERROR that came as the only event, before the end of the stream."""
        message = self.refused_later()
        assert [e["type"] for e in self.events if e["type"] != "HEARTBEAT"] == ["ERROR"]
        return message

    def refused_later(self) -> str:
        """The ERROR that ended the stream."""
        message: str = self.wait("ERROR")["message"]
        assert self.ended.wait(SECONDS), "the stream goes on"
        return message

    def call(self, kind: str, headers: Headers | None = None, **content: object) -> Reply:
        """A call of this subscription's."""
        body: Json = {"type": kind, "framework_id": self.framework_id}
        if content:
            body[kind.lower()] = content
        own = {**self._headers, "Mesos-Stream-Id": self.headers.get("Mesos-Stream-Id")}
        return request(self.address, "POST", self.path, body, {**own, **(headers or {})})

    def ok(self, kind: str, **content: object) -> None:
        """A call that is received."""
        reply = self.call(kind, **content)
        assert (reply.status, reply.text) == (202, ""), reply

    def close(self) -> None:
        """Break the stream off without a word."""
        if self.status == 200:
            with contextlib.suppress(OSError):  # the other side may have ended it just now
                self._socket.shutdown(socket.SHUT_RDWR)
            assert self.ended.wait(SECONDS)
        self._connection.close()

    def _read(self) -> None:
        try:
            for record in records(self._response):
                self.events.append(json.loads(record))
        except (OSError, HTTPException, RecordError):
            pass  # the end of the stream is what a test looks at
        finally:
            self.ended.set()
            self._response.close()
