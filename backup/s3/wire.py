"""A connection to a store that is never waited for too long: silence and a trickle both end it."""

from __future__ import annotations

import io
import os
import select
import socket
import time
from typing import Any

from backup.location import Location, refused
from backup.s3.failure import Passing, S3Failed
from backup.s3.meter import Meter
from backup.s3.patience import Patience

CONNECT_SECONDS = 10.0
LOOK_SECONDS = 1.0
"""So often a wait is interrupted to see whether the transfer shall end."""

BUFFER_BYTES = 1 << 16


class Wire:
    """What ``http.client`` takes for a socket. Not for several threads."""

    def __init__(self, location: Location, meter: Meter, patience: Patience) -> None:
        """Connect. Raises Passing, S3Failed."""
        self.meter = meter
        self._patience = patience
        self._waited, self._moved = 0.0, 0
        self._unchecked = 0.0
        self._socket = _connect(location, min(patience.silence_seconds, CONNECT_SECONDS))
        self.plain = not location.secure
        if location.secure:
            self._socket = _secured(self._socket, location)
        self._socket.settimeout(LOOK_SECONDS)
        self._open = 1

    def sendall(self, data: Any) -> None:
        """Send all of some bytes."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self._timed(self._socket.send, view) :]

    def sendfile(self, descriptor: int, offset: int, count: int) -> int:
        """Send some of a file's bytes without copying them; how many. Only where there is no TLS."""

        def send() -> int:
            try:
                return os.sendfile(self._socket.fileno(), descriptor, offset, count)
            except BlockingIOError:
                _await_writable(self._socket)
                raise TimeoutError from None

        return self._timed(send)

    def recv_into(self, buffer: Any) -> int:
        """Receive into a buffer; how many bytes, 0 at the end."""
        return self._timed(self._socket.recv_into, buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """For the answer's reader."""
        self._open += 1
        return io.BufferedReader(_Reader(self), BUFFER_BYTES)

    def close(self) -> None:
        """Close once the reader is closed too."""
        self._open -= 1
        if self._open <= 0:
            self._socket.close()

    def _timed(self, operation: Any, *arguments: Any) -> int:
        """Do it, however often its wait is interrupted; count its bytes. Raises Passing."""
        begun = time.monotonic()
        while True:
            try:
                count: int = operation(*arguments)
                break
            except TimeoutError:
                self.meter.check()
                self._judge(time.monotonic() - begun)
        self._count(count, time.monotonic() - begun)
        return count

    def _judge(self, silent: float) -> None:
        if silent >= self._patience.silence_seconds:
            raise Passing(f"it has been silent for {silent:.0f} s")

    def _count(self, moved: int, waited: float) -> None:
        self._moved += moved
        self._waited += waited
        self._unchecked += waited
        if self._unchecked >= LOOK_SECONDS:  # a trickle is never long enough silent for a look
            self._unchecked = 0.0
            self.meter.check()
        if self._waited >= self._patience.window_seconds:
            rate = self._moved / self._waited
            if rate < self._patience.least_rate:
                raise Passing(f"it moves only {rate:.0f} bytes a second")
            self._waited, self._moved = 0.0, 0


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._wire.close()


def _await_writable(sock: socket.socket) -> None:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    poll.poll(LOOK_SECONDS * 1000)


def _connect(location: Location, timeout: float) -> socket.socket:
    name = location.host if location.path_style else f"{location.bucket}.{location.host}"
    failure: OSError | None = None
    for family, kind, number, _, address in _resolve(name, location.port):
        reason = refused(str(address[0]))
        if reason is not None:
            raise S3Failed(f"{name} is at {address[0]}, where no store may be: {reason}")
        sock = socket.socket(family, kind, number)
        try:
            sock.settimeout(timeout)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise Passing(f"{name}:{location.port} cannot be connected to: {_words(failure)}")


def _resolve(name: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Passing(f"the address of {name} cannot be found: {_words(error)}") from None


def _secured(sock: socket.socket, location: Location) -> socket.socket:
    # Imported here: TLS takes memory that an executor keeps for its whole life.
    import ssl

    name = location.host if location.path_style else f"{location.bucket}.{location.host}"
    try:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise S3Failed(f"the certificate of {name} cannot be trusted: {error.verify_message}") from None
    except OSError as error:
        sock.close()
        raise Passing(f"TLS with {name} fails: {_words(error)}") from None


def _words(error: OSError | None) -> str:
    return (error and (error.strerror or str(error))) or type(error).__name__
