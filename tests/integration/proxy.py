"""A TCP proxy between two parts, with which a test breaks their connection as it likes.

What is cut is cut for both; what is held stays in the proxy until it is released, or is lost with a cut.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

CHUNK_BYTES = 65536

Filter = Callable[[bytes], bytes | None]
"""Takes what one side has sent; gives what the other side gets, None to cut the connection."""


def unchanged(data: bytes) -> bytes | None:
    return data


class Proxy:
    """Listens on a port of its own and passes everything on to ``target``, host:port.

    ``up`` filters what clients send, ``down`` what they are answered; both may be replaced at any time.
    With ``trickle_seconds`` each byte of an answer takes so long.
    """

    def __init__(self, target: str, host: str = "127.0.0.1") -> None:
        name, _, port = target.rpartition(":")
        self._target = (name, int(port))
        self._listener = socket.create_server((host, 0))
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        self.up: Filter = unchanged
        self.down: Filter = unchanged
        self._open = threading.Event()
        self._open.set()
        self.trickle_seconds = 0.0
        self._refusing = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Pass nothing on any more; the connections stay."""
        self._open.clear()

    def release(self) -> None:
        """Pass on what was held, and what comes."""
        self._open.set()

    def cut(self) -> None:
        """End all connections; new ones are taken."""
        for pair in list(self._pairs):
            self._end(pair)

    def refuse(self, refusing: bool = True) -> None:
        """End all connections, and every new one at once."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def close(self) -> None:
        self.refuse()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            if self._refusing:
                raise ConnectionRefusedError
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        self._pairs.add(pair)
        for source, sink, way in ((client, server, "up"), (server, client, "down")):
            threading.Thread(target=self._pass_on, args=(pair, source, sink, way), daemon=True).start()

    def _pass_on(
        self, pair: tuple[socket.socket, socket.socket], source: socket.socket, sink: socket.socket, way: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                self._open.wait()
                passed: bytes | None = getattr(self, way)(data)
                if passed is None:
                    break
                self._send(sink, passed, way)
        self._end(pair)

    def _send(self, sink: socket.socket, data: bytes, way: str) -> None:
        while way == "down" and self.trickle_seconds and data:
            sink.sendall(data[:1])
            data = data[1:]
            time.sleep(self.trickle_seconds)
        sink.sendall(data)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        for side in pair:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
