"""Asking over HTTP: one kept connection, and every way in which an answer can fail to come."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from executor.configure import Credentials
from executor.failure import NotAnswering
from executor.jolokia import Jolokia, execute, read

Handler = Callable[[BaseHTTPRequestHandler, Any], None]


class Server(ThreadingHTTPServer):
    """Answers each request as ``handler`` does, and counts connections."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.handler: Handler = answered
        self.connections = 0
        self.bodies: list[Any] = []
        self.logins: set[str] = set()
        self.free = threading.Event()


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        assert isinstance(self.server, Server)
        self.server.connections += 1

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append((self.path, body))
        self.server.logins.add(self.headers["Authorization"])
        self.server.handler(self, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to standard error."""


def reply(request: BaseHTTPRequestHandler, content: bytes, status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def answered(request: BaseHTTPRequestHandler, body: Any) -> None:
    reply(request, json.dumps([{"status": 200, "value": one["type"]} for one in body]).encode())


def answered_and_closed(request: BaseHTTPRequestHandler, body: Any) -> None:
    answered(request, body)
    request.close_connection = True


def silent(request: BaseHTTPRequestHandler, body: Any) -> None:
    assert isinstance(request.server, Server)
    request.server.free.wait(30)
    request.close_connection = True


def cut_off(request: BaseHTTPRequestHandler, body: Any) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.free.set()
        server.shutdown()
        thread.join()


CREDENTIALS = Credentials("executor", "geheim")
QUESTION = (read("bean", "Attribute"), execute("bean", "operation", 1))
ANSWER = [{"status": 200, "value": "read"}, {"status": 200, "value": "exec"}]


@pytest.fixture
def jolokia(server: Server) -> Iterator[Jolokia]:
    jolokia = Jolokia("127.0.0.1", server.server_address[1], CREDENTIALS)
    yield jolokia
    jolokia.close()


def test_several_questions_are_one_request(server: Server, jolokia: Jolokia) -> None:
    assert jolokia.ask(QUESTION, 10) == ANSWER
    ((path, body),) = server.bodies
    assert path == "/jolokia/"
    assert body == [
        {"type": "read", "mbean": "bean", "attribute": "Attribute"},
        {"type": "exec", "mbean": "bean", "operation": "operation", "arguments": [1]},
    ]


def test_every_request_shows_the_login(server: Server, jolokia: Jolokia) -> None:
    jolokia.ask(QUESTION, 10)
    jolokia.ask(QUESTION, 10)
    assert server.logins == {"Basic " + base64.b64encode(b"executor:geheim").decode()}


def test_a_connection_is_kept(server: Server, jolokia: Jolokia) -> None:
    for _ in range(5):
        jolokia.ask(QUESTION, 10)
    assert server.connections == 1


def test_one_that_was_closed_meanwhile_is_opened_again(server: Server, jolokia: Jolokia) -> None:
    server.handler = answered_and_closed
    for _ in range(5):
        assert jolokia.ask(QUESTION, 10) == ANSWER
    assert server.connections == 5


def test_silence_is_waited_out_no_longer_than_said_and_then_all_is_well_again(
    server: Server, jolokia: Jolokia
) -> None:
    jolokia.ask(QUESTION, 10)
    server.handler = silent
    for _ in range(3):
        with pytest.raises(NotAnswering, match=r"Cassandra has not answered within 0\.1 s"):
            jolokia.ask(QUESTION, 0.1)
    server.handler = answered
    assert jolokia.ask(QUESTION, 10) == ANSWER


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (lambda request, body: reply(request, b"", 401), "HTTP 401"),
        (lambda request, body: reply(request, b"<html>"), "Expecting value"),
        (lambda request, body: reply(request, b"{}"), "not a list of answers"),
        (lambda request, body: reply(request, b"[]"), "not a list of answers"),
        (cut_off, "IncompleteRead"),
    ],
)
def test_what_is_no_answer_is_told_and_then_all_is_well_again(
    server: Server, jolokia: Jolokia, handler: Handler, reason: str
) -> None:
    server.handler = handler
    with pytest.raises(NotAnswering, match=reason) as failed:
        jolokia.ask(QUESTION, 10)
    assert "geheim" not in str(failed.value)
    server.handler = answered
    assert jolokia.ask(QUESTION, 10) == ANSWER


def test_nobody_there_is_told(server: Server) -> None:
    with pytest.raises(NotAnswering, match=r"Cassandra does not answer: .*Connection refused"):
        Jolokia("127.0.77.200", server.server_address[1], CREDENTIALS).ask(QUESTION, 10)
