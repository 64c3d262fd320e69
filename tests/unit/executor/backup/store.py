"""A store in memory, which a test interrupts at any of its requests; and nodes with snapshots to back up."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from backup.keys import OBJECTS, digest_of
from backup.location import parse
from backup.manifest import NodeFacts
from backup.s3.body import Body, Bytes
from backup.s3.client import Client, Listed, Sink
from backup.s3.credentials import Given, Keys
from backup.s3.failure import Exists, NotThere, TooShort
from backup.s3.meter import Meter

TABLE = "0" * 31 + "1"


class HookedStore(Client):
    """A client that a test interrupts."""

    def interrupt(self, hook: Callable[[str, str], None]) -> None:
        raise NotImplementedError

    def go_on(self) -> None:
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        raise NotImplementedError


class Store(HookedStore):
    """Has a clock of its own, ``now``."""

    def __init__(self) -> None:
        super().__init__(parse("http://127.0.0.1:9/bucket"), Given(Keys("a", "s")))
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.puts: list[str] = []
        self._clock = [datetime(2026, 1, 1, tzinfo=timezone.utc)]
        self._hook: list[Callable[[str, str], None]] = [lambda method, key: None]
        self._guard = threading.RLock()

    @property
    def now(self) -> datetime:
        return self._clock[0]

    def pass_time(self, seconds: float) -> None:
        self._clock[0] += timedelta(seconds=seconds)

    def interrupt(self, hook: Callable[[str, str], None]) -> None:
        """``hook`` is called with each request's method and key before it is done, and may raise."""
        self._hook[0] = hook

    def go_on(self) -> None:
        self.interrupt(lambda method, key: None)

    def before(self, method: str, key: str) -> None:
        self._meter.check()
        self._hook[0](method, key)

    def metered(self, meter: Meter, retrying: Callable[[str | None], None]) -> Client:
        bound = copy.copy(self)
        bound._meter = meter
        return bound

    def put(self, key: str, body: Body, *, only_new: bool = True) -> None:
        self.before("PUT", key)
        content = _content(body)
        assert hashlib.sha256(content).hexdigest() == body.digest
        with self._guard:
            if only_new and key in self.objects:
                raise Exists(key)
            if key.startswith(OBJECTS):
                assert digest_of(key) == body.digest
            self.objects[key] = (content, self.now)
            self.puts.append(key)

    def get(self, key: str, sink: Sink, offset: int = 0, size: int | None = None) -> None:
        self.before("GET", key)
        if key not in self.objects:
            raise NotThere(key)
        content = self.objects[key][0][offset : None if size is None else offset + size]
        if size is not None and len(content) < size:
            raise TooShort(key)
        sink.begin()
        sink.write(memoryview(content))

    def size(self, key: str) -> int | None:
        self.before("HEAD", key)
        return len(self.objects[key][0]) if key in self.objects else None

    def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Iterator[Listed]:
        self.before("LIST", prefix)
        found = sorted(self.objects.items())
        return iter([Listed(key, len(data), at) for key, (data, at) in found if key.startswith(prefix)])

    def delete(self, keys: Sequence[str]) -> None:
        self.before("DELETE", keys[0])
        for key in keys:
            self.objects.pop(key, None)

    def close(self) -> None:
        pass


def _content(body: Body) -> bytes:
    if isinstance(body, Bytes):
        return bytes(body.data)
    with open(body.descriptor, "rb", closefd=False) as file:  # type: ignore[attr-defined]
        file.seek(body.offset)  # type: ignore[attr-defined]
        return file.read(body.size)


def facts(node: str) -> NodeFacts:
    return NodeFacts(node, f"id-{node}", "dc1", "rac1", ("1",), "10.0.0.1", "5.0.9")


def write_snapshot(data: Path, tag: str, files: dict[str, bytes], table: str = "orders") -> None:
    """A table's snapshot as Cassandra leaves it; names may be below an index's folder."""
    for name, content in files.items():
        path = data / "shop" / f"{table}-{TABLE}" / "snapshots" / tag / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
