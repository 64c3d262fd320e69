"""A client of CQL, just large enough for the schema: queries without parameters, answers of text."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from types import TracebackType

from executor.failure import NotAnswering

VERSION, ANSWER = 0x04, 0x84
ERROR, STARTUP, READY, AUTHENTICATE, QUERY, RESULT, AUTH_RESPONSE, AUTH_SUCCESS = 0, 1, 2, 3, 7, 8, 15, 16
ROWS = 2
LOCAL_ONE = 0x000A
GLOBAL_TABLE, MORE_PAGES = 1, 2
ALREADY_EXISTS = 0x2400
COLLECTIONS = {0x20: 1, 0x21: 2, 0x22: 1}
"""How many types follow that of a list, a map, a set."""

SECONDS = 60.0


class CqlRefused(Exception):
    """Cassandra refuses a statement; ``code`` is the protocol's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def exists(self) -> bool:
        """Whether what was to be made is there already."""
        return self.code == ALREADY_EXISTS


class Cql:
    """One connection to a node. Everything raises NotAnswering, and CqlRefused where Cassandra refuses."""

    def __init__(
        self, address: str, port: int, user: str = "", password: str = "", *, tls: bool = False
    ) -> None:
        self._where = f"CQL at {address}:{port}"
        self._user = user
        self._login = f"\0{user}\0{password}".encode()
        try:
            self._socket = _connected(address, port, tls)
        except OSError as error:
            raise NotAnswering(f"{self._where} does not answer: {error}") from None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cql:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def rows(self, statement: str) -> list[list[str | None]]:
        """Run a statement; its rows, every value as text."""
        text = statement.encode()
        kind, body = self._ask(QUERY, struct.pack(">I", len(text)) + text + struct.pack(">HB", LOCAL_ONE, 0))
        reader = _Reader(body)
        if kind != RESULT or reader.integer() != ROWS:
            return []
        columns = _columns(reader)
        return [[reader.value() for _ in range(columns)] for _ in range(reader.integer())]

    def _start(self) -> None:
        kind, _ = self._ask(STARTUP, struct.pack(">H", 1) + _string("CQL_VERSION") + _string("3.0.0"))
        if kind == AUTHENTICATE:
            kind = self._log_in()
        if kind not in (READY, AUTH_SUCCESS):
            raise NotAnswering(f"{self._where} answers what is not expected of it ({kind})")

    def _log_in(self) -> int:
        """The kind of the answer."""
        if not self._user:
            raise NotAnswering(
                f"{self._where} asks for a login: set CQL_USER and CQL_PASSWORD_FILE of the scheduler"
            )
        try:
            return self._ask(AUTH_RESPONSE, struct.pack(">i", len(self._login)) + self._login)[0]
        except CqlRefused as error:
            raise NotAnswering(
                f"{self._where} refuses the login of {self._user}: {error}: set CQL_USER and "
                "CQL_PASSWORD_FILE of the scheduler"
            ) from None

    def _ask(self, opcode: int, body: bytes) -> tuple[int, bytes]:
        try:
            self._socket.sendall(struct.pack(">BBhBI", VERSION, 0, 0, opcode, len(body)) + body)
            version, _, _, kind, length = struct.unpack(">BBhBI", self._read(9))
            answer = self._read(length)
        except OSError as error:
            raise NotAnswering(f"{self._where} does not answer: {error}") from None
        if version != ANSWER:
            raise NotAnswering(f"{self._where} does not speak version 4 of its protocol")
        if kind == ERROR:
            reader = _Reader(answer)
            raise CqlRefused(reader.integer(), reader.string())
        return kind, answer

    def _read(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._socket.recv(min(count, 1 << 16))
            if not part:
                raise ConnectionError("it has closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _connected(address: str, port: int, tls: bool) -> socket.socket:
    """A connection; raises OSError, which failures of TLS are too."""
    plain = socket.create_connection((address, port), timeout=SECONDS)
    if not tls:
        return plain
    # The address is this host's own, and what listens there the Cassandra that this executor has started:
    # its certificate, made for clients elsewhere, need not be one for this address.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def _columns(reader: _Reader) -> int:
    """Read past a result's metadata; how many columns there are."""
    flags, columns = reader.integer(), reader.integer()
    if flags & MORE_PAGES:
        raise NotAnswering("the answer comes in pages, which were not asked for")
    if flags & GLOBAL_TABLE:
        reader.string(), reader.string()
    for _ in range(columns):
        if not flags & GLOBAL_TABLE:
            reader.string(), reader.string()
        reader.string()
        reader.skip_type()
    return columns


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        return int(struct.unpack(">i", self.take(4))[0])

    def short(self) -> int:
        return int(struct.unpack(">H", self.take(2))[0])

    def string(self) -> str:
        return self.take(self.short()).decode()

    def value(self) -> str | None:
        length = self.integer()
        return None if length < 0 else self.take(length).decode(errors="replace")

    def skip_type(self) -> None:
        kind = self.short()
        if kind == 0:
            self.string()
        for _ in range(COLLECTIONS.get(kind, 0)):
            self.skip_type()


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data
