"""An open event stream: RecordIO over a chunked answer, one record per chunk.

A record is its length in decimal, a newline and that many bytes.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gevent
from gevent.queue import Queue

from local.mesos.http import JSON

Json = dict[str, Any]

DISCONNECTED = "the other side closed the connection"


def record(message: Json) -> bytes:
    """One message in its frame."""
    data = json.dumps(message, separators=(",", ":")).encode()
    return b"%d\n%s" % (len(data), data)


class EventStream:
    """The sending side of a stream. It may be written to before the answer has begun, and never blocks.

    The stream ends when ``close`` is called (what was sent before is still delivered) or when the client
    goes away. ``on_end`` is called once in either case, from a greenlet of its own in the latter.
    """

    splitter: random.Random | None = None
    """For tests: where set, records are cut at random over chunks, as a proxy in between may do."""

    def __init__(
        self, on_end: Callable[[], None] = lambda: None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.headers: Mapping[str, str] = {"Content-Type": JSON, **(headers or {})}
        self.open = True
        self._on_end = on_end
        self._queue: Queue[bytes | None] = Queue()

    def send(self, message: Json) -> None:
        """Queue one message; nothing happens when the stream has ended."""
        if self.open:
            self._queue.put(record(message))

    def close(self) -> None:
        """End the stream after what was sent so far."""
        if self.open:
            self.open = False
            self._queue.put(None)
            self._on_end()

    def chunks(self, connection: socket.socket) -> Iterable[bytes]:
        """What goes over the connection, until the stream ends."""
        watcher = gevent.spawn(self._watch, connection)
        try:
            while (data := self._queue.get()) is not None:
                yield from self._cut(data)
        finally:
            watcher.kill(block=False)
            self.close()

    def _watch(self, connection: socket.socket) -> None:
        """Notice the end of the connection while nothing is being sent. What the client says is ignored."""
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass
        self.close()

    def _cut(self, data: bytes) -> Iterable[bytes]:
        if self.splitter is None or len(data) < 2:
            return [data]
        cut = self.splitter.randrange(1, len(data))
        return [data[:cut], data[cut:]]
