"""The small client of CQL against a server that speaks the protocol from a script."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from executor.cql import (
    ALREADY_EXISTS,
    AUTH_RESPONSE,
    AUTH_SUCCESS,
    AUTHENTICATE,
    ERROR,
    QUERY,
    READY,
    RESULT,
    STARTUP,
    Cql,
    CqlRefused,
)
from executor.failure import NotAnswering
from tests.certificates import self_signed

Asked = list[tuple[int, bytes]]


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def value(found: str | None) -> bytes:
    return struct.pack(">i", -1) if found is None else struct.pack(">i", len(found)) + found.encode()


def rows(columns: list[bytes], *found: list[str | None], shared: bool = True) -> bytes:
    """A result; each column is its name and type."""
    table = text("ks") + text("t")
    flags, before = (1, table) if shared else (0, b"")
    named = b"".join((b"" if shared else table) + column for column in columns)
    cells = b"".join(value(cell) for row in found for cell in row)
    head = struct.pack(">iii", 2, flags, len(columns))
    return head + before + named + struct.pack(">i", len(found)) + cells


@contextmanager
def server(*answers: tuple[int, bytes], tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, Asked]]:
    """Answers questions in their order; what it was asked."""
    asked: Asked = []
    with socket.create_server(("127.0.0.1", 0)) as plain:
        listener = tls.wrap_socket(plain, server_side=True) if tls else plain
        thread = threading.Thread(target=serve, args=(listener, answers, asked), daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        thread.join(10)
        listener.close()


def serve(listener: socket.socket, answers: tuple[tuple[int, bytes], ...], asked: Asked) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as reader:
        for opcode, body in answers:
            head = reader.read(9)
            if len(head) < 9:
                return
            _, _, _, kind, length = struct.unpack(">BBhBI", head)
            asked.append((kind, reader.read(length)))
            connection.sendall(struct.pack(">BBhBI", 0x84, 0, 0, opcode, len(body)) + body)


TEXT = text("name") + struct.pack(">H", 0x0D)
LIST = text("all") + struct.pack(">HH", 0x20, 0x0D)


@pytest.mark.parametrize("shared", [True, False])
def test_rows_are_read_whatever_the_types_of_columns(shared: bool) -> None:
    answer = rows([TEXT, LIST], ["a", None], ["", "b"], shared=shared)
    with server((READY, b""), (RESULT, answer)) as (port, asked), Cql("127.0.0.1", port) as cql:
        assert cql.rows("SELECT") == [["a", None], ["", "b"]]
        assert [kind for kind, _ in asked] == [STARTUP, QUERY]


def test_by_tls_the_same_is_asked_whatever_the_certificate(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    answer = rows([TEXT], ["a"])
    with (
        server((READY, b""), (RESULT, answer), tls=context) as (port, _),
        Cql("127.0.0.1", port, tls=True) as cql,
    ):
        assert cql.rows("SELECT") == [["a"]]


def test_a_login_is_given_where_one_is_asked_for() -> None:
    answers = ((AUTHENTICATE, text("P")), (AUTH_SUCCESS, b""), (RESULT, struct.pack(">i", 1)))
    with server(*answers) as (port, asked), Cql("127.0.0.1", port, "user", "word") as cql:
        assert cql.rows("CREATE") == []
        assert asked[1] == (AUTH_RESPONSE, struct.pack(">i", 10) + b"\0user\0word")


def test_a_login_that_is_missing_is_named_by_its_settings() -> None:
    with server((AUTHENTICATE, text("P"))) as (port, _), pytest.raises(NotAnswering, match="CQL_USER"):
        Cql("127.0.0.1", port)


def test_a_login_that_is_refused_is_named_with_the_reason_and_never_its_password() -> None:
    refusal = struct.pack(">i", 0x0100) + text("user or password are incorrect")
    with (
        server((AUTHENTICATE, text("P")), (ERROR, refusal)) as (port, _),
        pytest.raises(
            NotAnswering, match="login of user: user or password are incorrect: set CQL_USER"
        ) as told,
    ):
        Cql("127.0.0.1", port, "user", "word-of-it")
    assert "word-of-it" not in str(told.value)


def test_what_is_there_already_is_told_from_other_refusals() -> None:
    answers = (
        (READY, b""),
        (ERROR, struct.pack(">i", ALREADY_EXISTS) + text("there")),
        (ERROR, struct.pack(">i", 0x2000) + text("no")),
    )
    with server(*answers) as (port, _), Cql("127.0.0.1", port) as cql:
        with pytest.raises(CqlRefused, match="there") as refused:
            cql.rows("CREATE")
        assert refused.value.exists
        with pytest.raises(CqlRefused, match="no") as refused:
            cql.rows("CREATE")
        assert not refused.value.exists


def test_a_node_that_does_not_listen_is_named() -> None:
    with pytest.raises(NotAnswering, match=r"CQL at 127.0.0.1:1 does not answer"):
        Cql("127.0.0.1", 1)
