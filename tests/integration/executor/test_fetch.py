"""Fetching over HTTP from a server with every bad habit."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from executor import fetch as fetching
from executor.failure import Stopped, TaskFailed
from executor.fetch import fetch
from protocol.task import Artifact

CONTENT = bytes(range(256)) * 10_000
CHECKSUM = hashlib.sha512(CONTENT).hexdigest()

Handler = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers by the first of ``handlers``, of which all but the last are used up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str) -> None:
        super().__init__((host, 0), _Request)
        self.handlers: list[Handler] = [whole]
        self.requests = 0
        self.free = threading.Event()

    @property
    def uri(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/dist/c.tar.gz"


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests += 1
        self.close_connection = True
        handlers = self.server.handlers
        (handlers.pop(0) if len(handlers) > 1 else handlers[0])(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to standard error."""


def head(request: BaseHTTPRequestHandler, length: int | None = len(CONTENT), status: int = 200) -> None:
    request.send_response(status)
    if length is not None:
        request.send_header("Content-Length", str(length))
    request.send_header("Connection", "close")
    request.end_headers()


def whole(request: BaseHTTPRequestHandler) -> None:
    head(request)
    request.wfile.write(CONTENT)


def without_length(request: BaseHTTPRequestHandler) -> None:
    head(request, length=None)
    request.wfile.write(CONTENT)


def half(request: BaseHTTPRequestHandler) -> None:
    head(request)
    request.wfile.write(CONTENT[: len(CONTENT) // 2])


def refusal(status: int) -> Handler:
    return lambda request: head(request, 0, status)


def dribble(request: BaseHTTPRequestHandler) -> None:
    """A byte, and nothing more for a long time."""
    assert isinstance(request.server, Server)
    head(request)
    request.wfile.write(CONTENT[:1])
    request.server.free.wait(30)


class Listener:
    """Waits not at all, and keeps why it should have."""

    def __init__(self) -> None:
        self.totals: set[int | None] = set()
        self.counts: list[int] = []
        self.waits: list[tuple[float, str]] = []

    def progress(self, done: int, total: int | None) -> None:
        self.counts.append(done)
        self.totals.add(total)

    def waiting(self, seconds: float, reason: str) -> None:
        self.waits.append((seconds, reason))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("127.0.0.1") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.free.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "c.part"


@pytest.mark.parametrize(("handler", "total"), [(whole, len(CONTENT)), (without_length, None)])
def test_a_file_is_brought(
    server: Server, target: Path, listener: Listener, handler: Handler, total: int | None
) -> None:
    server.handlers = [handler]
    fetch(Artifact(server.uri, CHECKSUM), target, listener)
    assert target.read_bytes() == CONTENT
    assert listener.counts[-1] == len(CONTENT)
    assert listener.totals == {total}
    assert not listener.waits


@pytest.mark.parametrize("bad", [half, refusal(500), refusal(503), refusal(429)])
def test_what_may_pass_is_tried_again_from_the_start(
    server: Server, target: Path, listener: Listener, bad: Handler
) -> None:
    server.handlers = [bad, bad, whole]
    fetch(Artifact(server.uri, CHECKSUM), target, listener)
    assert target.read_bytes() == CONTENT
    assert [seconds for seconds, _ in listener.waits] == [1.0, 2.0]


def test_it_gives_up_in_the_end_and_names_address_and_reason(
    server: Server, target: Path, listener: Listener
) -> None:
    server.handlers = [refusal(503)]
    with pytest.raises(TaskFailed, match="tried 5 times: HTTP 503 Service Unavailable") as failed:
        fetch(Artifact(server.uri + "?signature=geheim", CHECKSUM), target, listener)
    assert server.uri in str(failed.value)
    assert "geheim" not in str(failed.value)
    assert [seconds for seconds, _ in listener.waits] == [1.0, 2.0, 4.0, 8.0]
    assert server.requests == 5


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_refusal_that_stays_is_final(server: Server, target: Path, listener: Listener, status: int) -> None:
    server.handlers = [refusal(status)]
    with pytest.raises(TaskFailed, match=f"cannot be fetched: HTTP {status}"):
        fetch(Artifact(server.uri, CHECKSUM), target, listener)
    assert server.requests == 1


def test_another_content_is_final_and_not_kept(server: Server, target: Path, listener: Listener) -> None:
    with pytest.raises(TaskFailed, match=f"has the SHA-512 {CHECKSUM}, but {'1' * 128} is configured"):
        fetch(Artifact(server.uri, "1" * 128), target, listener)
    assert server.requests == 1
    assert not target.exists()


def test_a_transfer_cut_off_without_a_length_is_told_by_its_checksum(
    server: Server, target: Path, listener: Listener
) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        head(request, length=None)
        request.wfile.write(CONTENT[:-1])

    server.handlers = [cut]
    with pytest.raises(TaskFailed, match="has the SHA-512"):
        fetch(Artifact(server.uri, CHECKSUM), target, listener)


def test_nobody_there_is_told(server: Server, target: Path, listener: Listener) -> None:
    uri = f"http://127.0.77.210:{server.server_address[1]}/c.tar.gz"
    with pytest.raises(TaskFailed, match=rf"{uri} cannot be fetched, tried 5 times: .*Connection refused"):
        fetch(Artifact(uri, CHECKSUM), target, listener)


def test_a_server_that_falls_silent_is_left(
    server: Server, target: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SILENCE_SECONDS", 0.05)
    server.handlers = [dribble, whole]
    fetch(Artifact(server.uri, CHECKSUM), target, listener)
    assert len(listener.waits) == 1
    assert "timed out" in listener.waits[0][1]


def test_the_first_byte_is_heard_of_at_once_so_that_a_slow_server_can_be_left(
    server: Server, target: Path
) -> None:
    class Leaving(Listener):
        def progress(self, done: int, total: int | None) -> None:
            raise Stopped

    server.handlers = [dribble]
    with pytest.raises(Stopped):
        fetch(Artifact(server.uri, CHECKSUM), target, Leaving())


def test_a_login_in_the_address_is_not_told(target: Path, listener: Listener) -> None:
    with pytest.raises(TaskFailed) as failed:
        fetch(Artifact("http://user:geheim@127.0.0.1/c.tar.gz", CHECKSUM), target, listener)
    assert "geheim" not in str(failed.value)
