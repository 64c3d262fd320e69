"""The player's lines to a master and an agent: single calls, and event streams."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Address = tuple[str, int]

CALL_SECONDS = 30.0
WAIT_SECONDS = 45.0
"""More than anything takes that was recorded, on a busy machine: an update is repeated after 10 s."""

END = "(end of stream)"


class Missing(AssertionError):
    """Something that was recorded does not happen."""


@dataclass(frozen=True)
class Answer:
    """A whole answer. The body is decoded JSON, or else text."""

    status: int
    headers: Mapping[str, str]
    body: Any
    size: int


def call(address: Address, method: str, path: str, headers: Mapping[str, str], body: Any) -> Answer:
    """One call on a connection of its own. A body of text goes as it is, any other as JSON."""
    connection = http.client.HTTPConnection(*address, timeout=CALL_SECONDS)
    try:
        connection.request(method, path, encoded(body), dict(headers))
        answer = connection.getresponse()
        data = answer.read()
        return Answer(answer.status, dict(answer.headers.items()), decoded(data), len(data))
    finally:
        connection.close()


def encoded(body: Any) -> str | None:
    """A body as it is sent."""
    return body if body is None or isinstance(body, str) else json.dumps(body)


def decoded(data: bytes) -> Any:
    """A body as it is shown; None where there is none."""
    try:
        return json.loads(data)
    except ValueError:
        return data.decode() or None


class Inbox:
    """What has come and is still to be looked at, in order."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._arrival = threading.Condition()

    def put(self, event: Any) -> None:
        """Take an event in."""
        with self._arrival:
            self._events.append(event)
            self._arrival.notify_all()

    def take(
        self, wanted: Callable[[Any], bool], what: str, seconds: float = WAIT_SECONDS
    ) -> tuple[Any, list[Any]]:
        """The first event that is wanted, and those before it, which stay. Raises Missing."""
        deadline = time.monotonic() + seconds
        with self._arrival:
            while True:
                for index, event in enumerate(self._events):
                    if wanted(event):
                        return self._events.pop(index), self._events[:index]
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Missing(f"{what} did not come in {seconds:g} s; there is {self._events}")
                self._arrival.wait(left)

    def rest(self) -> list[Any]:
        """What nobody has taken."""
        with self._arrival:
            return list(self._events)


class EventStream:
    """A subscription. Its events are in ``inbox``, without heartbeats; ``END`` is the last."""

    def __init__(self, address: Address, path: str, headers: Mapping[str, str], body: Any) -> None:
        self.inbox = Inbox()
        self._connection = http.client.HTTPConnection(*address, timeout=CALL_SECONDS)
        self._connection.request("POST", path, encoded(body), dict(headers))
        self._socket = self._connection.sock
        answer = self._connection.getresponse()
        streams = answer.status == 200
        data = b"" if streams else answer.read()
        self.answer = Answer(answer.status, dict(answer.headers.items()), decoded(data), len(data))
        if streams:
            self._socket.settimeout(None)
            threading.Thread(target=self._read, args=(answer,), daemon=True).start()

    def _read(self, answer: http.client.HTTPResponse) -> None:
        # The library trips over its own feet (AttributeError) where the connection ends between two chunks.
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while head := answer.readline():
                event = json.loads(answer.read(int(head)))
                if event["type"] != "HEARTBEAT":
                    self.inbox.put(event)
        self.inbox.put(END)

    def close(self) -> None:
        """End it from this side."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._connection.close()
