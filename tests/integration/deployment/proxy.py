"""Stands between the scheduler and the Mesos master: writes calls down, and may cut one off on its way."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Moment = Literal["before", "after"]
"""Before the master hears of a call, or after it has, and the scheduler does not hear its answer."""

Watcher = Callable[[str, Moment], bool]
"""Is told of each call by its type; whether it is cut off there."""


@dataclass(frozen=True)
class Call:
    """A call as the scheduler made it."""

    kind: str
    body: dict[str, Any]


class MasterProxy:
    """Listens on a port of 127.0.0.1 of its own. Tell ``watch`` who is to be asked about each call."""

    def __init__(self, master: tuple[str, int]) -> None:
        self._master = master
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.calls: list[Call] = []
        self.watch: Watcher = lambda kind, moment: False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Where the scheduler finds its master."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def made(self, kind: str) -> list[Call]:
        """The calls of a type, so far."""
        return [call for call in list(self.calls) if call.kind == kind]

    def close(self) -> None:
        """End everything."""
        # A thread that waits in accept or recv is not woken by close alone.
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.add(client)
        with client, contextlib.suppress(OSError):
            request = _read_request(client)
            if request is not None:
                self._pass_on(client, *request)
        self._open.discard(client)

    def _pass_on(self, client: socket.socket, head: bytes, content: bytes) -> None:
        body = json.loads(content)
        kind = body["type"]
        self.calls.append(Call(kind, body))
        if self.watch(kind, "before"):
            return
        with socket.create_connection(self._master) as master:
            master.sendall(head + content)
            # The master has dealt with a call once its answer begins.
            begin = master.recv(65536)
            if self.watch(kind, "after"):
                return
            client.sendall(begin)
            threading.Thread(target=_end_with, args=(client, master), daemon=True).start()
            while piece := master.recv(65536):
                client.sendall(piece)


def _end_with(client: socket.socket, master: socket.socket) -> None:
    """End a subscription when the scheduler has gone, for it says nothing more on it."""
    with contextlib.suppress(OSError):
        client.recv(1)
        master.shutdown(socket.SHUT_RDWR)


def _read_request(client: socket.socket) -> tuple[bytes, bytes] | None:
    """The head and body of a request; nothing where the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, content = received.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
    while len(content) < length:
        content += client.recv(65536)
    return head + b"\r\n\r\n", content
