"""The server under the API, over real sockets: what happens below the application."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import gevent.ssl
import gevent.subprocess
import pytest
from gevent import socket

from api import handler as module
from api import server as pool
from api.app import create_app
from api.requests import MOST_BODY_BYTES
from api.server import Server
from api.tls import TlsError, leader_context, server_context
from scheduler.model.settings import ApiSettings
from tests.certificates import self_signed
from tests.unit.api.service import MemoryService, deployed

HOST = "127.0.0.1"
DEADLINE_SECONDS = 60.0

Connect = Callable[[], "Connection"]


class Connection:
    """A client that sends bytes and reads answers one by one."""

    def __init__(self, port: int) -> None:
        self.socket: Any = socket.create_connection((HOST, port), timeout=DEADLINE_SECONDS)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def ask(self, request: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        self.send(f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return self.answer()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def ended(self) -> bool:
        """Whether the server has ended the connection."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def service() -> MemoryService:
    return deployed()


@pytest.fixture
def connect(service: MemoryService) -> Iterator[Connect]:
    server = Server(create_app(service, lambda: service.cluster.now), HOST, 0)
    server.start()
    opened: list[Connection] = []

    def connection() -> Connection:
        opened.append(Connection(server.port))
        return opened[-1]

    yield connection
    for one in opened:
        one.close()
    server.stop()


def test_a_connection_serves_one_request_after_the_other(connect: Connect) -> None:
    client = connect()
    assert client.ask("GET /v1/plan")[0] == 200
    assert json.loads(client.ask("POST /v1/plan?cmd=interrupt")[2]) == {"message": "Received cmd: interrupt"}
    assert json.loads(client.ask("GET /service/cassandra/v1/plan")[2])["interrupted"] is True


def test_a_slow_client_keeps_nobody_waiting(connect: Connect) -> None:
    slow = connect()
    slow.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nHost: x\r\nContent-Le")
    half = connect()
    half.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
    assert connect().ask("GET /v1/plan")[0] == 200
    half.send(b"}")
    assert half.answer()[0] == 200
    slow.send(b"ngth: 0\r\n\r\n")
    assert slow.answer()[0] == 200


def test_no_software_is_named(connect: Connect) -> None:
    for request in ("GET /v1/plan", "GET /v1/nothing", "BREW /v1/plan"):
        headers = connect().ask(request)[1]
        assert "server" not in headers
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/plan HTTP/9.9\r\n\r\n",
        b"GET /v1/plan HTTP/x\r\n\r\n",
        b"GET /v1/plan HTTP/1\r\n\r\n",
        b"PUT /v1/plan HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"PUT /v1/plan HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /v1/plan HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
        b"PUT /v1/plan HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}2\r\n",
    ],
)
def test_what_is_no_http_is_400_in_json_and_ends_the_connection(
    connect: Connect, capfd: pytest.CaptureFixture[str], request_bytes: bytes
) -> None:
    client = connect()
    client.send(request_bytes)
    status, headers, body = client.answer()
    assert (status, headers["content-type"]) == (400, "application/json")
    assert set(json.loads(body)) == {"message"}
    assert client.ended()
    assert "Traceback" not in capfd.readouterr().err


def test_a_body_in_chunks_is_read(connect: Connect, service: MemoryService) -> None:
    client = connect()
    head = b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert client.answer()[0] == 200
    assert client.ask("GET /v1/plan")[0] == 200


def test_an_address_that_is_too_long_is_414(connect: Connect) -> None:
    client = connect()
    client.send(b"GET /v1/plan?x=" + b"a" * 10000 + b" HTTP/1.1\r\n\r\n")
    status, _, body = client.answer()
    assert status == 414
    assert "8 kB" in json.loads(body)["message"]


def test_a_body_over_the_limit_is_413_before_it_is_sent(connect: Connect, service: MemoryService) -> None:
    client = connect()
    client.send(
        f"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nContent-Length: {MOST_BODY_BYTES + 1}\r\n\r\n".encode()
    )
    status, headers, _ = client.answer()
    assert (status, headers["connection"], service.commands) == (413, "close", [])


def test_chunks_without_end_are_413(connect: Connect, service: MemoryService) -> None:
    client = connect()
    client.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(17):
        client.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    client.send(b"0\r\n\r\n")
    assert client.answer()[0] == 413
    assert client.ended()
    assert service.commands == []


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(connect: Connect) -> None:
    client = connect()
    client.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert client.answer()[0] == 100
    client.send(b"{}")
    assert client.answer()[0] == 200


def test_a_head_that_does_not_end_is_408(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.05)
    client = connect()
    client.send(b"GET /v1/plan HTTP/1.1\r\nHost:")
    status, _, body = client.answer()
    assert (status, set(json.loads(body))) == (408, {"message"})
    assert client.ended()


def test_an_idle_connection_is_ended(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.05)
    assert connect().ended()


def test_a_body_that_stalls_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.05)
    client = connect()
    client.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nContent-Length: 2\r\n\r\n{")
    assert client.answer()[0] == 400
    assert client.ended()


def test_a_body_that_trickles_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.3)
    client = connect()
    client.send(b"PUT /v1/plan?cmd=proceed HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
    answered: list[int] = []
    reader = gevent.spawn(lambda: answered.append(client.answer()[0]))
    while not reader.ready():
        with contextlib.suppress(OSError):
            client.send(b" ")
        gevent.sleep(0.05)
    assert answered == [400]


def test_a_request_that_takes_too_long_is_ended(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    service: MemoryService,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "WHOLE_SECONDS", 0.1)
    monkeypatch.setattr(service, "health", lambda: gevent.sleep(DEADLINE_SECONDS))
    client = connect()
    client.send(b"GET /v1/health HTTP/1.1\r\n\r\n")
    assert client.ended()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "head", [b"X-A: " + b"a" * 40_000, b"\r\n".join([b"X-A: a"] * 200), b"X: y\r\n" * 9000]
)
def test_a_head_that_is_too_large_is_431(connect: Connect, head: bytes) -> None:
    client = connect()
    with contextlib.suppress(OSError):
        client.send(b"GET /v1/plan HTTP/1.1\r\n" + head + b"\r\n\r\n")
    status, headers, body = client.answer()
    assert (status, headers["connection"]) == (431, "close")
    assert "32 kB" in json.loads(body)["message"]


def test_connections_that_ask_for_nothing_make_room_for_those_that_do(
    service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(pool, "SPARE_CONNECTIONS", 4)
    server = Server(create_app(service, lambda: service.cluster.now), HOST, 0)
    server.start()
    idle = [Connection(server.port) for _ in range(30)]
    try:
        asking = Connection(server.port)
        assert asking.ask("GET /v1/plan")[0] == 200
        assert idle[0].ended()
        asking.close()
    finally:
        for one in idle:
            one.close()
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ApiSettings:
    """The settings for a certificate of 127.0.0.1 that signs itself."""
    made, key = self_signed(tmp_path_factory.mktemp("tls"))
    return ApiSettings(tls_cert=str(made), tls_key=str(key))


@pytest.fixture
def tls_port(service: MemoryService, certificate: ApiSettings) -> Iterator[int]:
    app = create_app(service, lambda: service.cluster.now)
    server = Server(app, HOST, 0, server_context(certificate))
    server.start()
    yield server.port
    server.stop()


def test_with_a_certificate_the_api_is_https(tls_port: int, certificate: ApiSettings) -> None:
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate.tls_cert)
    with (
        socket.create_connection((HOST, tls_port), timeout=DEADLINE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as client,
    ):
        client.sendall(b"GET /v1/plan HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(("trusts", "code"), [(True, 0), (False, 2)])
def test_dcos_cassandra_trusts_the_authorities_that_it_is_told_of(
    tls_port: int, certificate: ApiSettings, trusts: bool, code: int
) -> None:
    command = [sys.executable, "-m", "cli", "--url", f"https://{HOST}:{tls_port}", "plan", "list"]
    command[3:3] = ["--ca-file", certificate.tls_cert] if trusts else []
    process = gevent.subprocess.Popen(
        command, stdout=gevent.subprocess.PIPE, stderr=gevent.subprocess.STDOUT, text=True
    )
    told, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, "deploy" in told) == (code, trusts), told


def test_a_standby_trusts_the_leaders_certificate_whatever_its_address(
    tls_port: int, certificate: ApiSettings
) -> None:
    with (
        socket.create_connection((HOST, tls_port), timeout=DEADLINE_SECONDS) as plain,
        leader_context(certificate).wrap_socket(plain, server_hostname="elsewhere") as client,
    ):
        client.sendall(b"GET /v1/plan HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
    with (
        socket.create_connection((HOST, tls_port), timeout=DEADLINE_SECONDS) as plain,
        pytest.raises(gevent.ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        leader_context(ApiSettings()).wrap_socket(plain, server_hostname=HOST)


def test_who_speaks_no_tls_or_says_nothing_is_let_go_and_keeps_nobody_waiting(
    tls_port: int, certificate: ApiSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    silent, plain = Connection(tls_port), Connection(tls_port)
    plain.send(b"GET /v1/plan HTTP/1.1\r\n\r\n")
    test_with_a_certificate_the_api_is_https(tls_port, certificate)
    plain.close()
    silent.close()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("what", ["missing", "rubbish", "swapped"])
def test_a_certificate_that_cannot_be_used_is_named(
    what: str, certificate: ApiSettings, tmp_path: Path
) -> None:
    files = {
        "missing": (str(tmp_path / "none"), certificate.tls_key),
        "rubbish": (__file__, certificate.tls_key),
        "swapped": (certificate.tls_key, certificate.tls_cert),
    }
    cert, key = files[what]
    with pytest.raises(TlsError, match=r"^API_TLS_CERT=.* API_TLS_KEY=.* cannot be used: "):
        server_context(ApiSettings(tls_cert=cert, tls_key=key))


def test_an_artifact_is_streamed_whole(connect: Connect, service: MemoryService, tmp_path: Path) -> None:
    bundle = tmp_path / "executor.pyz"
    bundle.write_bytes(bytes(range(256)) * 8192)
    service.artifacts["ab12", "executor.pyz"] = bundle
    status, headers, body = connect().ask("GET /v1/artifacts/ab12/executor.pyz")
    assert (status, body) == (200, bundle.read_bytes())
    assert "immutable" in headers["cache-control"]


def test_an_address_in_use_is_an_error_of_the_start(connect: Connect, service: MemoryService) -> None:
    taken = connect().socket.getpeername()[1]
    with pytest.raises(OSError, match="in use"):
        Server(create_app(service), HOST, taken).start()
