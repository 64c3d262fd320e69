"""A master that does nothing but send offers, as fast as they are taken, in the JSON that Mesos writes.

The events are made beforehand and sent over and over. One offer in a hundred fits the node that waits
(``benchmarks.deciding``); the others each fail it in their own way. Agents differ in name, attributes,
ports and sizes, and some hold reservations of a neighbour in our role.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

ROLE = "cassandra-role"
FIT_EVERY = 100
FIT = "-fit"
"""The end of the ids of those offers that fit."""

EVENTS_BYTES = 24_000_000
"""So much is made beforehand: enough for no cache of a CPU to hold it."""

ALLOCATED = {"role": ROLE}


@contextmanager
def offer_master(batch: int, pause_seconds: float = 0.0) -> Iterator[str]:
    """An ``OfferMaster`` in a process of its own; its address."""
    here, there = multiprocessing.Pipe()
    arguments = (batch, pause_seconds, there)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _serve(batch: int, pause_seconds: float, ready: Connection) -> None:
    master = OfferMaster(batch, pause_seconds)
    ready.send(master.address)
    master.serve()


class OfferMaster:
    """Serves every SUBSCRIBE with offers without end, ``batch`` of them in one event.

    Between two events it waits for ``pause_seconds``. Any other call is taken, and nothing done.
    """

    def __init__(self, batch: int, pause_seconds: float = 0.0) -> None:
        self._chunks = _events(batch)
        self._pause = pause_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Serve for ever."""
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader:
                request = reader.readline()
                length = _skip_headers(reader)
                body = reader.read(length)
                if request.startswith(b"GET /version"):
                    connection.sendall(_reply(b"200 OK", b'{"version":"1.11.0"}'))
                elif b'"SUBSCRIBE"' in body:
                    self._stream(connection)
                else:
                    connection.sendall(_reply(b"202 Accepted", b""))
        except OSError:
            return  # the client has seen enough

    def _stream(self, connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMesos-Stream-Id: s\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + _chunk(_subscribed()))
        while True:
            for chunk in self._chunks:
                connection.sendall(chunk)
                time.sleep(self._pause)


def _skip_headers(reader: Any) -> int:
    length = 0
    while (line := reader.readline().strip()) != b"":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return length


def _reply(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)


def _chunk(event: dict[str, Any]) -> bytes:
    data = json.dumps(event, separators=(",", ":")).encode()
    record = b"%d\n%s" % (len(data), data)
    return b"%x\r\n%s\r\n" % (len(record), record)


def _subscribed() -> dict[str, Any]:
    body = {"framework_id": {"value": "f-0000"}, "heartbeat_interval_seconds": 15.0}
    return {"type": "SUBSCRIBED", "subscribed": body}


def _events(batch: int) -> list[bytes]:
    """Events that together hold whole hundreds of offers, so that the share that fits is exact."""
    chunks: list[bytes] = []
    number = size = 0
    while size < EVENTS_BYTES or number % FIT_EVERY:
        offers = [_offer(n) for n in range(number, number + batch)]
        chunks.append(_chunk({"type": "OFFERS", "offers": {"offers": offers}}))
        number += batch
        size += len(chunks[-1])
    return chunks


def _offer(number: int) -> dict[str, Any]:
    """An offer; number 99 of each hundred fits."""
    fits = number % FIT_EVERY == FIT_EVERY - 1
    host = f"agent-{number}.example.org"
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {
        "id": {"value": f"0b1c2f5e-3f0a-4d8f-9a55-1d1a3b2c4d5e-O{number}{FIT if fits else ''}"},
        "framework_id": {"value": "0b1c2f5e-3f0a-4d8f-9a55-1d1a3b2c4d5e-0000"},
        "agent_id": {"value": f"0b1c2f5e-3f0a-4d8f-9a55-1d1a3b2c4d5e-S{number}"},
        "hostname": host,
        "url": {
            "scheme": "http",
            "address": {"hostname": host, "ip": address, "port": 5051},
            "path": "/slave(1)",
        },
        "resources": _resources(number, fits),
        "attributes": [
            {"name": "rack", "type": "TEXT", "text": {"value": f"rack-{number % 40}"}},
            {"name": "zone", "type": "TEXT", "text": {"value": _zone(number, fits)}},
        ],
        "allocation_info": ALLOCATED,
    }


def _zone(number: int, fits: bool) -> str:
    """Of those that do not fit, each fifth is in a zone that the placement constraint rules out."""
    return "zone-c" if not fits and number % 5 == 0 else f"zone-{'ab'[number % 2]}"


def _resources(number: int, fits: bool) -> list[dict[str, Any]]:
    short = "" if fits else ("", "cpus", "mem", "disk", "ports")[number % 5]
    resources = [
        _ports([(31000, 32000)] if short == "ports" else [(1025, 2180), (2182, 3887), (3889, 32000)]),
        _scalar("cpus", 0.4 if short == "cpus" else 8.0 + number % 7),
        _scalar("mem", 512.0 if short == "mem" else 16384.0 + number % 1000),
        _scalar("disk", 1000.0 if short == "disk" else 500000.0 + number % 1000),
    ]
    if number % 4 == 2:
        resources.append(_scalar("cpus", 0.5) | {"reservations": [_neighbours(number)]})
    return resources


def _scalar(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": ALLOCATED}


def _ports(ranges: list[tuple[int, int]]) -> dict[str, Any]:
    parts = [{"begin": begin, "end": end} for begin, end in ranges]
    return {"name": "ports", "type": "RANGES", "ranges": {"range": parts}, "allocation_info": ALLOCATED}


def _neighbours(number: int) -> dict[str, Any]:
    labels = [{"key": "owner", "value": f"another-{number % 3}"}]
    return {"type": "DYNAMIC", "role": ROLE, "principal": "another", "labels": {"labels": labels}}
