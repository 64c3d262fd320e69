"""An HTTP server that answers as a test says: a Mesos master or agent with every bad habit wanted.

Plain sockets and threads, so that a test decides about each byte and when it is sent. What was asked is
kept for the test to look at. ``eventually`` is how all tests wait.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import parse_headers
from typing import Any

DEADLINE_SECONDS = 60.0


def eventually(
    true: Callable[[], object], what: str = "what was waited for", seconds: float = DEADLINE_SECONDS
) -> None:
    """Wait until it is true; fail after a deadline that no working run comes near."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} has not come about in {seconds:g} s"
        time.sleep(0.005)


def record(event: Any) -> bytes:
    """An event as RecordIO."""
    data = json.dumps(event).encode()
    return b"%d\n%s" % (len(data), data)


@dataclass
class Exchange:
    """A request, and the way to answer it."""

    connection: socket.socket
    path: str
    headers: dict[str, str]
    body: Any
    streaming: bool = field(default=False)

    @property
    def kind(self) -> str:
        return str(self.body["type"])

    def reply(self, status: int, text: str = "", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(text.encode())}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.raw("\r\n".join([*lines, "", text]).encode())

    def stream(self, **headers: str) -> None:
        """Begin the answer to a SUBSCRIBE."""
        self.streaming = True
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.raw("\r\n".join([*lines, "", ""]).encode())

    def send(self, *events: Any) -> None:
        """Send events, each in one chunk as Mesos does."""
        self.raw(b"".join(chunk(record(event)) for event in events))

    def raw(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a client may leave at any time
            self.connection.sendall(data)

    def end(self) -> None:
        """End a stream as Mesos does, with an empty chunk."""
        self.raw(b"0\r\n\r\n")
        self.cut()

    def cut(self) -> None:
        """End the connection at once."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class ScriptedServer:
    """Hands every request to ``answer`` on a thread of its own; one that it does not answer stays open."""

    host = "127.0.0.1"

    def __init__(self, answer: Callable[[Exchange], None], port: int = 0) -> None:
        self.answer = answer
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self._listener = socket.create_server((self.host, port), backlog=128)
        self.address = f"{self.host}:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def asked(self, kind: str) -> list[Exchange]:
        """The requests of a type, in order of arrival."""
        return [exchange for exchange in list(self.exchanges) if exchange.kind == kind]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for exchange in list(self.exchanges):
            exchange.cut()
        self._thread.join(DEADLINE_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            request = reader.readline().split()
            if len(request) < 2:
                connection.close()
                return
            headers = {name.lower(): value for name, value in parse_headers(reader).items()}
            body = json.loads(reader.read(int(headers["content-length"])))
        exchange = Exchange(connection, request[1].decode(), headers, body)
        self.exchanges.append(exchange)
        self.answer(exchange)


class Master(ScriptedServer):
    """A master that takes every framework in and every call for good, but for what ``refusals`` say.

    Each SUBSCRIBE uses up one of ``refusals``, each other call one of ``call_refusals``, as long as there
    are any: (status, text) and headers.
    """

    FRAMEWORK_ID = "f0000000-0000"

    def __init__(self, heartbeat_seconds: float = 15.0, port: int = 0) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self.refusals: list[tuple[int, str, dict[str, str]]] = []
        self.call_refusals: list[tuple[int, str]] = []
        self.first_events: list[Any] = []
        self.streams: list[Exchange] = []
        super().__init__(self._answer, port)

    @property
    def stream(self) -> Exchange:
        """The present event stream."""
        self.subscribed()
        return self.streams[-1]

    def subscribed(self, times: int = 1) -> Exchange:
        """Wait until so many subscriptions have been taken in all; the newest."""
        eventually(lambda: len(self.streams) >= times, f"subscription {times}")
        return self.streams[times - 1]

    def calls(self, kind: str, times: int = 1) -> list[Exchange]:
        """Wait for so many calls of a type."""
        eventually(lambda: len(self.asked(kind)) >= times, f"call {kind}")
        return self.asked(kind)

    def _answer(self, exchange: Exchange) -> None:
        if exchange.kind != "SUBSCRIBE":
            status, text = self.call_refusals.pop(0) if self.call_refusals else (202, "")
            exchange.reply(status, text)
            exchange.connection.close()
        elif self.refusals:
            status, text, headers = self.refusals.pop(0)
            exchange.reply(status, text, **headers)
            exchange.connection.close()
        else:
            exchange.stream(Mesos_Stream_Id=f"stream-{len(self.streams) + 1}")
            exchange.send(subscribed_event(self.heartbeat_seconds), *self.first_events)
            self.streams.append(exchange)


def subscribed_event(heartbeat_seconds: float = 15.0) -> dict[str, Any]:
    return {
        "type": "SUBSCRIBED",
        "subscribed": {
            "framework_id": {"value": Master.FRAMEWORK_ID},
            "heartbeat_interval_seconds": heartbeat_seconds,
            "master_info": {"id": "m", "ip": 16777343, "port": 5050, "hostname": "127.0.0.1"},
        },
    }


@contextlib.contextmanager
def running(server: ScriptedServer) -> Iterator[ScriptedServer]:
    try:
        yield server
    finally:
        server.close()


class Agent(ScriptedServer):
    """An agent that takes its executor in, and acknowledges its updates while ``acknowledging``.

    Each SUBSCRIBE uses up one of ``refusals``, each other call one of ``call_refusals``.
    """

    def __init__(self, port: int = 0) -> None:
        self.refusals: list[tuple[int, str]] = []
        self.call_refusals: list[tuple[int, str]] = []
        self.acknowledging = True
        self.streams: list[Exchange] = []
        super().__init__(self._answer, port)

    def subscribed(self, times: int = 1) -> Exchange:
        """Wait until so many subscriptions have been taken in all; the newest."""
        eventually(lambda: len(self.streams) >= times, f"subscription {times}")
        return self.streams[times - 1]

    def told(self) -> list[str]:
        """The states of all updates, in order of arrival, those that SUBSCRIBE carried among them."""
        states: list[str] = []
        for exchange in list(self.exchanges):
            if exchange.kind == "SUBSCRIBE":
                replayed = exchange.body["subscribe"]["unacknowledged_updates"]
                states += [update["status"]["state"] for update in replayed]
            elif exchange.kind == "UPDATE":
                states.append(exchange.body["update"]["status"]["state"])
        return states

    def acknowledge(self, status: Any) -> None:
        acknowledged = {"task_id": status["task_id"], "uuid": status["uuid"]}
        self.subscribed()
        self.streams[-1].send({"type": "ACKNOWLEDGED", "acknowledged": acknowledged})

    def _answer(self, exchange: Exchange) -> None:
        refusals = self.refusals if exchange.kind == "SUBSCRIBE" else self.call_refusals
        if refusals:
            exchange.reply(*refusals.pop(0))
            exchange.connection.close()
        elif exchange.kind == "SUBSCRIBE":
            exchange.stream()
            exchange.send({"type": "SUBSCRIBED", "subscribed": {}})
            self.streams.append(exchange)
            self._acknowledge_all(exchange.body["subscribe"]["unacknowledged_updates"])
        else:
            exchange.reply(202)
            exchange.connection.close()
            if exchange.kind == "UPDATE":
                self._acknowledge_all([exchange.body["update"]])

    def _acknowledge_all(self, updates: list[Any]) -> None:
        for update in updates if self.acknowledging else ():
            self.acknowledge(update["status"])
