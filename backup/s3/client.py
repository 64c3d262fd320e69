"""A client of one bucket: put, get, head, list, delete. Each request is tried again while that may help."""

from __future__ import annotations

import hashlib
import http.client
import logging
import mmap
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Protocol, TypeVar
from urllib.parse import quote
from xml.sax.saxutils import escape

from backup.location import Location
from backup.s3.answer import Answer, Listed, failure, page, refused_keys
from backup.s3.body import Body, Bytes
from backup.s3.credentials import Credentials
from backup.s3.failure import Denied, NotOffered, NotThere, Passing, S3Failed, TooShort, Unreachable
from backup.s3.meter import PIECE_BYTES, Meter, Unmetered
from backup.s3.patience import Patience
from backup.s3.signing import EMPTY, UNSIGNED, query_string, signed
from backup.s3.wire import Wire

log = logging.getLogger(__name__)

T = TypeVar("T")
TEXT_LIMIT = 16 << 20
"""What is read of an answer that is not an object: errors and lists are far smaller."""

AT_ONCE = 1000
"""How many objects one request deletes."""

CHECKSUM = "x-amz-checksum-sha256"
"""A header of which a store that knows it answers what it has found."""


class Sink(Protocol):
    """Takes the content of an object; ``begin`` is called before each attempt."""

    def begin(self) -> None:
        """Forget what has come so far."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes, which begin with a page of memory; the view is of no more use afterwards."""


@dataclass(frozen=True)
class _Request:
    method: str
    key: str
    what: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    sink: Sink | None = None
    length: int | None = None

    @property
    def digest(self) -> str:
        """What is signed of the body: its SHA-256, unless that is among the signed headers."""
        if CHECKSUM in self.headers:
            return UNSIGNED
        return EMPTY if self.body is None else self.body.digest


class Client:
    """For any number of threads, each of which keeps a connection of its own.

    Everything raises S3Failed, and what ``meter`` raises. ``retrying`` is told why a request is tried again,
    and of None once it has succeeded.
    """

    def __init__(
        self,
        location: Location,
        credentials: Credentials,
        meter: Meter | None = None,
        patience: Patience | None = None,
        retrying: Callable[[str | None], None] = lambda reason: None,
    ) -> None:
        self.location = location
        self._credentials = credentials
        self._meter = meter or Unmetered()
        self._patience = patience or Patience()
        self._retrying = retrying
        self._checksums = True
        self._local = threading.local()

    def metered(self, meter: Meter, retrying: Callable[[str | None], None]) -> Client:
        """The same bucket with the same keys, for one transfer."""
        return Client(self.location, self._credentials, meter, self._patience, retrying)

    def put(self, key: str, body: Body, *, only_new: bool = True) -> None:
        """Write an object. Raises Exists where ``only_new`` and it is there."""
        headers = {"If-None-Match": "*"} if only_new else {}
        request = _Request("PUT", key, f"writing {key}", headers=headers, body=body)
        if not self._checksums:
            self._ask(request)
            return
        checked = self._put_with_checksum(request, body)
        if checked is not True:
            # What the store has taken without a check is new, and is written over.
            self._ask(request if checked is None else replace(request, headers={}))
            self._checksums = False

    def get(self, key: str, sink: Sink, offset: int = 0, size: int | None = None) -> None:
        """Read an object, or ``size`` bytes of it. Raises NotThere, TooShort; the content is not checked."""
        headers = {} if size is None else {"Range": f"bytes={offset}-{offset + size - 1}"}
        self._ask(_Request("GET", key, f"reading {key}", headers=headers, sink=sink, length=size))

    def read(self, key: str, limit: int) -> bytes:
        """A small object's content. Raises NotThere, and S3Failed where it is larger than ``limit``."""
        sink = _Memory(key, limit)
        self.get(key, sink)
        return bytes(sink.data)

    def size(self, key: str) -> int | None:
        """An object's size in bytes; None where there is no such object."""
        try:
            answer = self._ask(_Request("HEAD", key, f"looking for {key}"))
        except NotThere:
            return None
        return int(answer.headers.get("content-length", "0"))

    def list(self, prefix: str = "", *, after: str = "", limit: int = AT_ONCE) -> Iterator[Listed]:
        """All objects whose keys begin so, in the order of their keys; ``limit`` of them in a request."""
        own = self.location.prefix
        query = {"list-type": "2", "prefix": own + prefix, "max-keys": str(limit)}
        if after:
            query["start-after"] = own + after
        token: str | None = ""
        while token is not None:
            asked = {**query, "continuation-token": token} if token else query
            request = _Request("GET", "", f"listing {prefix or 'the bucket'}", asked)
            found = self._try(request, lambda answer: page(answer.data))
            for entry in found.objects:
                yield Listed(entry.key.removeprefix(own), entry.size, entry.modified)
            token = found.token

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, a thousand in a request at most; it is no error where one is not there."""
        own = self.location.prefix
        entries = "".join(f"<Object><Key>{escape(own + key)}</Key></Object>" for key in keys)
        data = f"<Delete><Quiet>true</Quiet>{entries}</Delete>".encode()
        checksum = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        request = _Request(
            "POST",
            "",
            f"deleting {len(keys)} objects",
            {"delete": ""},
            {"Content-MD5": checksum, "Content-Type": "application/xml"},
            Bytes(data, hashlib.sha256(data).hexdigest()),
        )
        left = self._try(request, lambda answer: refused_keys(answer.data))
        if left:
            key, reason = next(iter(left.items()))
            raise S3Failed(f"{len(left)} objects cannot be deleted, such as {key}: {reason}")

    def close(self) -> None:
        """Let go of this thread's connection."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def _put_with_checksum(self, request: _Request, body: Body) -> bool | None:
        """Whether the store has checked the SHA-256 of what it took; None where it took nothing.

        It would hash the body once more, with a checksum of its own choice, if only the signature held one.
        """
        checksum = b64encode(bytes.fromhex(body.digest)).decode()
        try:
            answer = self._ask(replace(request, headers={**request.headers, CHECKSUM: checksum}))
        except S3Failed as error:
            if type(error) in (S3Failed, Denied, NotOffered):
                return None
            raise
        return answer.headers.get(CHECKSUM) == checksum

    def _ask(self, request: _Request) -> Answer:
        return self._try(request, lambda answer: answer)

    def _try(self, request: _Request, read: Callable[[Answer], T]) -> T:
        """Ask until the answer is one that ``read`` takes."""
        reason = ""
        waits = self._patience.waits()
        for wait in [0.0, *waits]:
            if reason:
                self._retrying(f"{request.what} is tried again: {reason}")
                self._pause(wait)
            try:
                found = read(self._attempt(request))
            except Passing as error:
                reason = str(error)
                log.info("%s: %s", request.what, reason)
                continue
            if reason:
                self._retrying(None)
            return found
        where = f"{self.location.host}:{self.location.port}"
        raise Unreachable(
            f"{request.what}: the store at {where} fails, tried {len(waits) + 1} times: {reason}"
        )

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._meter.check()
            time.sleep(min(left, 0.5))

    def _attempt(self, request: _Request) -> Answer:
        """Ask once. Raises Passing, S3Failed."""
        self._meter.check()
        kept = getattr(self._local, "connection", None) is not None
        try:
            return self._exchange(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not kept:
                raise Passing(_words(error)) from None
        except BaseException:
            # It cannot be told how far the exchange has come, so the connection is of no more use.
            self.close()
            raise
        # It may have been closed just for being idle; a new connection tells how things stand.
        return self._attempt(request)

    def _exchange(self, request: _Request) -> Answer:
        connection = self._connect()
        early = self._send(connection, request)
        answer = connection.getresponse()
        if request.sink is not None and answer.status in (200, 206):
            self._receive(answer, request)
            found = Answer(answer.status, {})
        else:
            headers = {name.lower(): value for name, value in answer.getheaders()}
            found = Answer(answer.status, headers, _text(answer, request.method))
        if early or answer.will_close:
            self.close()
        if not 200 <= found.status < 300:
            raise failure(found, self.location, request.what)
        return found

    def _receive(self, answer: http.client.HTTPResponse, request: _Request) -> None:
        """Pass the body on. Raises Passing where it is shorter than it says, or than was asked for."""
        sink, length = request.sink, answer.length
        assert sink is not None
        if request.length is not None:
            _check_range(answer, request)
        sink.begin()
        done, buffer = 0, self._buffer()
        while not answer.isclosed():
            granted = self._meter.grant(min(PIECE_BYTES, answer.length or PIECE_BYTES))
            count = answer.readinto(buffer[:granted])
            sink.write(buffer[:count])
            done += count
        if length is not None and done != length:
            raise Passing(f"its answer broke off after {done} of {length} bytes")

    def _buffer(self) -> memoryview:
        """This thread's. It begins with a page of memory, so that a file can be written without a copy."""
        buffer: memoryview | None = getattr(self._local, "buffer", None)
        if buffer is None:
            buffer = self._local.buffer = memoryview(mmap.mmap(-1, PIECE_BYTES))
        return buffer

    def _connect(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.location.host, self.location.port)
            connection.sock = Wire(self.location, self._meter, self._patience)
            self._local.connection = connection
        return connection

    def _send(self, connection: http.client.HTTPConnection, request: _Request) -> bool:
        """Send a request; whether the store has answered before it had all of it."""
        body, location = request.body, self.location
        path = quote(
            f"{location.root}/{location.prefix}{request.key}" if request.key else f"{location.root}/"
        )
        headers = signed(
            request.method,
            path,
            request.query,
            {"Host": location.authority, **request.headers},
            request.digest,
            self._credentials.keys(),
            location.region,
            datetime.now(timezone.utc),
        )
        query = f"?{query_string(request.query)}" if request.query else ""
        connection.putrequest(request.method, path + query, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(body.size))
        connection.endheaders()
        try:
            if body is not None:
                body.send(connection.sock)  # type: ignore[arg-type]
        except ConnectionError:
            return True  # its answer says why, if there is one
        return False


class _Memory:
    """A sink for what is small."""

    def __init__(self, key: str, limit: int) -> None:
        self._key = key
        self._limit = limit
        self.data = bytearray()

    def begin(self) -> None:
        self.data.clear()

    def write(self, data: memoryview) -> None:
        self.data += data
        if len(self.data) > self._limit:
            raise S3Failed(f"{self._key} is larger than it can be")


def _check_range(answer: http.client.HTTPResponse, request: _Request) -> None:
    if answer.status != 206:
        raise NotOffered(f"{request.what}: the store does not offer to read a part of an object")
    if answer.length is not None and answer.length < (request.length or 0):
        raise TooShort(f"{request.what}: the object is shorter than that")


def _text(answer: http.client.HTTPResponse, method: str) -> bytes:
    data = answer.read(TEXT_LIMIT)
    if answer.length and method != "HEAD":
        raise Passing(f"its answer broke off after {len(data)} bytes")
    return data


def _words(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
