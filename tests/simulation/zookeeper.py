"""ZooKeeper: a tree of znodes, sessions that expire, and a client that behaves as kazoo's does.

A client's call blocks its process. It may be lost on the way there or on the way back, which the client
cannot tell apart: ConnectionLoss. Without a connection a call waits; once the session has expired it fails.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple

from kazoo.exceptions import (
    BadVersionError,
    ConnectionLoss,
    KazooException,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
    SessionExpiredError,
)

from scheduler.store.session import Fenced, Session
from tests.simulation.clock import Clock
from tests.simulation.process import Process

SESSION_SECONDS = 10.0


class Stat(NamedTuple):
    """What of a znode's Stat is used."""

    version: int
    mzxid: int = 0


class Write(NamedTuple):
    """One operation of a transaction: ``what`` is check, set, create or delete."""

    what: str
    path: str
    data: bytes = b""
    version: int = -1


class ZooKeeper:
    """The ensemble. ``on_commit`` is told of every transaction that takes place, before it does."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self.clock = clock
        self.rng = rng
        self.nodes: dict[str, tuple[bytes, int]] = {}
        self.up = True
        self.latency = 0.004
        self.digest = 0
        self.transactions = 0
        self._written: dict[str, int] = {}
        self.damaged: dict[str, bytes] = {}
        self.on_commit: Callable[[Client, list[Write]], None] = lambda client, writes: None
        self._owners: dict[str, Client] = {}
        self._sequence = self._count = 0
        self._clients: list[Client] = []

    def damage(self, path: str, part: float) -> None:
        """Somebody who is no scheduler cuts a record off."""
        data, _ = self.nodes[path]
        self.damaged[path] = data
        self._apply(Write("set", path, data[: int(part * len(data))]))

    def restore(self, path: str) -> None:
        """And puts it back from a copy."""
        if path in self.damaged:
            self._apply(Write("set", path, self.damaged.pop(path)))

    def records(self, prefix: str) -> dict[str, bytes]:
        """The data of the znodes whose path begins so, as they were before they were damaged."""
        found = {path: data for path, (data, _) in self.nodes.items() if path.startswith(prefix)}
        return {path: self.damaged.get(path, data) for path, data in found.items()}

    def connect(self, process: Process, on_lost: Callable[[], None]) -> Client:
        """A client with a session of its own."""
        client = Client(self, process, on_lost)
        self._clients.append(client)
        return client

    def lose_quorum(self, seconds: float) -> None:
        """Serve nobody for a while. Sessions outlive it: their time starts anew with the next leader."""
        self.up = False
        for client in list(self._clients):
            client.cut(seconds, expires=False)
        self.clock.after(seconds, self._again)

    def _again(self) -> None:
        self.up = True

    def found(self, path: str) -> tuple[bytes, Stat] | None:
        """A znode's data and Stat."""
        node = self.nodes.get(path)
        return None if node is None else (node[0], Stat(node[1], self._written.get(path, 0)))

    def children(self, path: str) -> list[str]:
        """The names right below a path."""
        prefix = path + "/"
        return [p[len(prefix) :] for p in self.nodes if p.startswith(prefix) and "/" not in p[len(prefix) :]]

    def create_ephemeral(self, client: Client, prefix: str, data: bytes) -> str:
        """Create a znode that ends with its session; its number is the next."""
        self._sequence += 1
        path = f"{prefix}{self._sequence:010d}"
        self.nodes[path] = (data, 0)
        self._owners[path] = client
        return path

    def end_session(self, client: Client) -> None:
        """Its ephemeral znodes go; whoever waits behind them is told."""
        for path in [path for path, owner in self._owners.items() if owner is client]:
            del self._owners[path]
            del self.nodes[path]
        if client in self._clients:
            self._clients.remove(client)
        self._wake_all()

    def _wake_all(self) -> None:
        for client in self._clients:
            client.process.wake()

    def first(self, folder: str) -> Client | None:
        """Whose znode in the folder has the lowest number."""
        paths = [path for path in self._owners if path.startswith(folder + "/")]
        return self._owners[min(paths)] if paths else None

    def commit(self, client: Client, writes: list[Write]) -> list[Any]:
        """Do all of it or nothing; the results are as kazoo gives them."""
        for index, write in enumerate(writes):
            error = self._refusal(write)
            if error is not None:
                after = [RuntimeInconsistency() for _ in writes[index + 1 :]]
                return [*(RolledBackError() for _ in range(index)), error, *after]
        self.on_commit(client, writes)
        self.transactions += 1
        return [self._apply(write) for write in writes]

    def _refusal(self, write: Write) -> KazooException | None:
        found = self.nodes.get(write.path)
        if write.what == "create":
            return NodeExistsError() if found is not None else None
        if found is None:
            return NoNodeError()
        return BadVersionError() if write.version not in (-1, found[1]) else None

    def _apply(self, write: Write) -> Any:
        if write.what == "check":
            return True
        self.digest = zlib.crc32(write.data, zlib.crc32(write.path.encode(), self.digest))
        if write.what == "delete":
            del self.nodes[write.path]
            if self._owners.pop(write.path, None) is not None:
                self._wake_all()
            return True
        self._count += 1
        self._written[write.path] = self._count
        version = self.nodes[write.path][1] + 1 if write.what == "set" else 0
        self.nodes[write.path] = (write.data, version)
        return write.path if write.what == "create" else Stat(version)


class Client:
    """What the store uses of a KazooClient, for one process."""

    def __init__(self, server: ZooKeeper, process: Process, on_lost: Callable[[], None]) -> None:
        self._server = server
        self.process = process
        self._on_lost = on_lost
        self._connection = 0
        self._away_until = 0.0
        self._expiry: Any = None
        self.expired = False
        self.lose_next: str | None = None

    # What befalls it.

    def cut(self, seconds: float, expires: bool = True) -> None:
        """The connection breaks, and comes back after so many seconds; the session may have expired then."""
        self._connection += 1
        back = self._server.clock.now + seconds
        self._away_until = max(self._away_until, back)
        self._server.clock.at(back, self._back)
        if expires and seconds > SESSION_SECONDS:
            self._server.clock.after(SESSION_SECONDS, self.expire)

    def expire(self) -> None:
        """The ensemble has not heard of it for too long."""
        if not self.expired:
            self.expired = True
            self._server.end_session(self)
            self._server.clock.at(max(self._away_until, self._server.clock.now), self._told)

    def close(self) -> None:
        """End the session as asked."""
        if not self.expired:
            self.expired = True
            self._server.end_session(self)

    def silent(self, seconds: float) -> None:
        """The process stands still: no sign of life from it."""
        if seconds > SESSION_SECONDS:
            self._server.clock.after(SESSION_SECONDS, self.expire)
            self._away_until = max(self._away_until, self._server.clock.now + seconds)

    @property
    def connected(self) -> bool:
        """Whether calls go through."""
        return self._server.up and self._server.clock.now >= self._away_until and not self.expired

    @property
    def connected_since(self) -> float:
        """When its calls went through again, after they last did not."""
        return self._away_until

    def _back(self) -> None:
        if self._server.clock.now >= self._away_until:
            self.process.wake()

    def _told(self) -> None:
        if not self.process.dead:
            self._on_lost()

    # What the store calls.

    def get(self, path: str) -> tuple[bytes, Stat]:
        """See KazooClient."""
        found: tuple[bytes, Stat] = self._ask(lambda: self._found(path))
        return found

    def exists(self, path: str) -> Stat | None:
        """See KazooClient."""
        found = self._ask(lambda: self._server.found(path))
        return None if found is None else found[1]

    def get_children(self, path: str) -> list[str]:
        """See KazooClient."""
        return list(self._ask(lambda: self._server.children(path)))

    def delete(self, path: str) -> None:
        """See KazooClient."""
        if self._ask(lambda: self._server.children(path)):
            raise NotEmptyError
        self._one(Write("delete", path))

    def sync(self, path: str) -> None:
        """See KazooClient."""
        self._ask(lambda: None)

    def ensure_path(self, path: str) -> None:
        """See KazooClient."""
        self._ask(lambda: self._server.nodes.setdefault(path, (b"", 0)))

    def create(self, path: str, data: bytes) -> str:
        """See KazooClient."""
        self._one(Write("create", path, data))
        return path

    def set(self, path: str, data: bytes) -> Stat:
        """See KazooClient."""
        stat: Stat = self._one(Write("set", path, data))
        return stat

    def get_async(self, path: str) -> Answer:
        """See KazooClient: all are asked at once, so only the first takes time."""
        return Answer(self._server.found(path))

    def transaction(self) -> Transaction:
        """See KazooClient."""
        return Transaction(self)

    def lock(self, folder: str, name: str) -> str:
        """Wait until this client is the first to hold a znode in the folder; the znode's path."""
        path: str = self._ask(
            lambda: self._server.create_ephemeral(self, f"{folder}/{name}__lock__", name.encode())
        )
        while self._server.first(folder) is not self:
            self.process.wait()
            self._ask(lambda: None)
        return path

    def commit(self, writes: list[Write]) -> list[Any]:
        """A transaction: a process may be killed just before and after, and its fate may be unknown."""
        self.process.point()
        lost, self.lose_next = self.lose_next, None
        if lost is not None:
            self._lose(writes if lost == "after" else None)
        results: list[Any] = self._ask(lambda: self._server.commit(self, writes))
        self.process.point()
        return results

    def _lose(self, writes: list[Write] | None) -> None:
        self._ask(lambda: self._server.commit(self, writes) if writes is not None else None)
        self.cut(0.5 + 8 * self._server.rng.random())
        raise ConnectionLoss

    def _one(self, write: Write) -> Any:
        (result,) = self._ask(lambda: self._server.commit(self, [write]))
        if isinstance(result, Exception):
            raise result
        return result

    def _found(self, path: str) -> tuple[bytes, Stat]:
        found = self._server.found(path)
        if found is None:
            raise NoNodeError
        return found

    def _ask(self, ask: Callable[[], Any]) -> Any:
        """Over the wire and back."""
        self.wait_connected()
        connection, latency = self._connection, self._server.latency * (0.5 + self._server.rng.random())
        self.process.sleep(latency)
        self._check(connection)
        result = ask()
        self.process.sleep(latency)
        self._check(connection)
        return result

    def _check(self, connection: int) -> None:
        if self.expired:
            raise SessionExpiredError
        if connection != self._connection:
            raise ConnectionLoss

    def wait_connected(self) -> None:
        """Wait for the connection to come back. Raises SessionExpiredError."""
        while not self.connected:
            if self.expired:
                raise SessionExpiredError
            self.process.wait(1.0)


class SimulatedSession(Session):
    """The real session, but for how it learns of its end, and how it waits."""

    def __init__(self, client: Client) -> None:
        self._simulated = client
        self._client = client
        self._ended = False

    def wait(self, timeout: float | None = None) -> bool:
        """See ``Session``."""
        try:
            self._simulated.wait_connected()
        except SessionExpiredError:
            raise Fenced("the ZooKeeper session is lost") from None
        return True


class ReadingSession(Session):
    """Reads at once, for who looks on from outside."""

    def __init__(self, server: ZooKeeper) -> None:
        self._client = _Reader(server)
        self._ended = False


class _Reader:
    """What a store needs of a client to load the ledger."""

    def __init__(self, server: ZooKeeper) -> None:
        self._server = server

    def get(self, path: str) -> tuple[bytes, Stat]:
        return self.get_async(path).get()

    def get_async(self, path: str) -> Answer:
        return Answer(self._server.found(path))

    def get_children(self, path: str) -> list[str]:
        return self._server.children(path)


class Answer:
    """What ``get_async`` returns."""

    def __init__(self, found: tuple[bytes, Stat] | None) -> None:
        self._found = found

    def get(self) -> tuple[bytes, Stat]:
        """See kazoo's IAsyncResult."""
        if self._found is None:
            raise NoNodeError
        return self._found


class Transaction:
    """See kazoo's TransactionRequest."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._writes: list[Write] = []

    def check(self, path: str, version: int) -> None:
        """See TransactionRequest."""
        self._writes.append(Write("check", path, b"", version))

    def set_data(self, path: str, data: bytes, version: int = -1) -> None:
        """See TransactionRequest."""
        self._writes.append(Write("set", path, data, version))

    def create(self, path: str, data: bytes) -> None:
        """See TransactionRequest."""
        self._writes.append(Write("create", path, data))

    def delete(self, path: str, version: int = -1) -> None:
        """See TransactionRequest."""
        self._writes.append(Write("delete", path, b"", version))

    def commit(self) -> list[Any]:
        """See TransactionRequest."""
        return self._client.commit(self._writes)


def changes(writes: Iterable[Write]) -> list[Write]:
    """Those that change something."""
    return [write for write in writes if write.what != "check"]
