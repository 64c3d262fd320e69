"""The ledger in ZooKeeper.

Below the service's root lie ``framework``, ``cluster``, ``target``, ``controls``, ``nodes/node-N``,
``operations/<id>`` and ``events/<page>``, one record each, and ``epoch``. Whoever becomes leader sets
``epoch``; every later write checks in the same transaction that nobody has set it since, and that each record
still has the version that was read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import (
    ConnectionClosedError,
    ConnectionLoss,
    NoAuthError,
    NoNodeError,
    NotEmptyError,
    SessionExpiredError,
)

from scheduler.model.node import Node
from scheduler.model.world import Ledger, Target, Uninstall
from scheduler.store.migration import up_to_date
from scheduler.store.records import (
    UnreadableRecord,
    check_mark,
    damaged,
    format_mark,
    from_bytes,
    to_bytes,
)
from scheduler.store.session import FateUnknown, Fenced, Session
from scheduler.store.transactions import Bytes, check, parts
from scheduler.store.znodes import (
    EPOCH,
    EVENTS,
    FOLDERS,
    KINDS,
    LOCK,
    NODES,
    OPERATIONS,
    changes,
    gone,
    name_of,
    records_of,
)

__all__ = ["Fenced", "Store", "UnreadableRecord"]

PREDECESSORS = frozenset(
    {"SchemaVersion", "FrameworkID", "ConfigTarget", "Configurations", "Tasks", "Properties", "servicename"}
)
"""What services that stand on dcos-commons keep under the same root."""


class Store:
    """Reads and writes the ledger for one leader. Not thread-safe: one greenlet writes.

    ``root`` is the service's znode, made when missing.
    """

    def __init__(self, session: Session, root: str) -> None:
        self._session = session
        self._root = root
        self._lock = ""
        self._epoch_version = -1
        self._versions: dict[str, int] = {}
        self._decoded: dict[str, tuple[int, Any]] = {}

    def refuse_foreign_state(self) -> None:
        """Look before anything is made under the root. Raises UnreadableRecord for a state of others."""
        strange = sorted(set(self._session.patiently(self._children)) - {*KINDS, *FOLDERS, EPOCH, LOCK})
        if PREDECESSORS & set(strange):
            raise UnreadableRecord(
                f"znode {self._root} holds {', '.join(strange)}, the state of a predecessor of this service: "
                "it is left untouched; choose another SERVICE_NAME, or remove that service and its znodes"
            )
        if strange:
            raise UnreadableRecord(
                f"znode {self._root} holds {', '.join(strange)}, which this service did not write: "
                "it is left untouched; choose another SERVICE_NAME"
            )

    def take_epoch(self, lock: str) -> int:
        """Begin a new epoch: from now on writes of earlier leaders fail. Returns its number.

        ``lock`` is the znode that makes this process the leader; without it no epoch is begun. Raises Fenced,
        and UnreadableRecord where a newer scheduler has led.
        """
        self._lock = lock
        self._session.patiently(self._prepare)
        self._epoch_version = self._session.patiently(self._set_epoch)
        return self._epoch_version

    def confirm(self) -> None:
        """Ask ZooKeeper, in this session, whether lock and epoch are still this leader's. Raises Fenced.

        By a transaction, as a read may be answered by a server that lags behind.
        """
        checks = ((self._lock, 0), (self._path(EPOCH), self._epoch_version))

        def ask(client: KazooClient) -> None:
            transaction = client.transaction()
            for path, version in checks:
                transaction.check(path, version)
            check(transaction.commit(), [path for path, _ in checks])

        self._session.patiently(ask)

    def load(self) -> Ledger | None:
        """Read all records; None where the service has never been started.

        Raises UnreadableRecord, and Fenced.
        """
        return self._session.patiently(self._load)

    def create(self, ledger: Ledger) -> None:
        """Store the first records. Raises Fenced."""
        data: dict[str, bytes | None] = dict.fromkeys(self._versions)
        self._write({**data, **{name: to_bytes(record) for name, record in records_of(ledger).items()}})

    def commit(self, before: Ledger, after: Ledger) -> None:
        """Store what differs between two ledgers. Raises Fenced, or FateUnknown, which is one.

        All or nothing, unless it is more than ZooKeeper takes at once: then node by node, the other records
        last.
        """
        if before is after:
            return
        data: dict[str, bytes | None] = {
            name: to_bytes(record) for name, (was, record) in changes(before, after).items() if was != record
        }
        data.update(dict.fromkeys(gone(before, after)))
        if data:
            self._write(data)

    def clear(self) -> None:
        """Delete all records, those of the whole service last: until then it is known what goes on.

        What leadership needs stays, for ``remove``. Raises Fenced, or FateUnknown, which is one.
        """
        names = sorted(self._versions, key=lambda name: name in KINDS)
        self._write(dict.fromkeys(names))

    def remove(self, release: Callable[[], None]) -> None:
        """Delete what is left after ``clear``, and in between ``release`` the lead.

        Whoever leads next makes folders and epoch anew, so they go before that; what others use in the queue
        for the lead stays.
        """
        self._delete([self._path(name) for name in (*FOLDERS, EPOCH)])
        release()
        self._delete([self._path(LOCK), self._root])

    def _delete(self, paths: Iterable[str]) -> None:
        def delete(client: KazooClient) -> None:
            for path in paths:
                with contextlib.suppress(NoNodeError, NotEmptyError):
                    client.delete(path)

        self._session.patiently(delete)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _children(self, client: KazooClient) -> list[str]:
        try:
            children: list[str] = client.get_children(self._root)
        except NoNodeError:
            return []
        except NoAuthError:
            raise _not_allowed(self._root) from None
        return children

    def _prepare(self, client: KazooClient) -> None:
        """See to it that there is an epoch to set, and that it may be set."""
        path = self._path(EPOCH)
        try:
            check_mark(client.get(path)[0], path)
        except NoNodeError:
            if client.exists(self._path("cluster")):
                raise _missing(path) from None
        except NoAuthError:
            raise _not_allowed(path) from None
        for name in (*FOLDERS, EPOCH):
            client.ensure_path(self._path(name))

    def _set_epoch(self, client: KazooClient) -> int:
        transaction = client.transaction()
        transaction.check(self._lock, 0)
        transaction.set_data(self._path(EPOCH), format_mark())
        results = transaction.commit()
        check(results, [self._lock, self._path(EPOCH)])
        version: int = results[1].version
        return version

    def _load(self, client: KazooClient) -> Ledger | None:
        self._versions.clear()
        records = dict(self._read(client, KINDS))
        nodes = {node.number: node for node in self._read_all(client, NODES)}
        operations = {operation.id: operation for operation in self._read_all(client, OPERATIONS)}
        events = {page.number: page for page in self._read_all(client, EVENTS)}
        if not records and not operations and all(node == Node(number) for number, node in nodes.items()):
            return None  # a first start that was cut off has left no more than blank nodes
        for name in KINDS:
            if name not in records:
                raise _missing(self._path(name))
        if records["controls"].uninstall is not Uninstall.TORN_DOWN:
            nodes = self._wanted(nodes, records["target"])
        ledger = Ledger(nodes=nodes, operations=operations, events=events, **records)
        return up_to_date(ledger, client.get(self._path("target"))[0])

    def _wanted(self, nodes: dict[int, Node], target: Target) -> dict[int, Node]:
        """The nodes there must be, and those that still are; blank ones beyond come of a write cut off."""
        for number in range(target.nodes):
            if number not in nodes:
                raise _missing(self._path(f"{NODES}/{Node(number).name}"))
        return {n: node for n, node in sorted(nodes.items()) if n < target.nodes or node != Node(n)}

    def _read_all(self, client: KazooClient, folder: str) -> Iterator[Any]:
        try:
            names = client.get_children(self._path(folder))
        except NoNodeError:
            raise _missing(self._path(folder)) from None
        kinds = {f"{folder}/{name}": FOLDERS[folder] for name in names}
        for name, record in self._read(client, kinds):
            if name != name_of(record):
                raise damaged(self._path(name), f"it says that it is {name_of(record)}")
            yield record

    def _read(self, client: KazooClient, kinds: Mapping[str, type[Any]]) -> Iterator[tuple[str, Any]]:
        """The records that there are, asked for all at once: a thousand answers take less time than waits."""
        answers = [(name, client.get_async(self._path(name))) for name in kinds]
        for name, answer in answers:
            path = self._path(name)
            try:
                data, stat = answer.get()
            except NoNodeError:
                continue
            except NoAuthError:
                raise _not_allowed(path) from None
            self._versions[name] = stat.version
            yield name, self._record(name, kinds[name], data, stat.mzxid)

    def _record(self, name: str, kind: type[Any], data: bytes, written: int) -> Any:
        """The record in these bytes. What was not written since it was last read is not decoded again."""
        known = self._decoded.get(name)
        if known is not None and known[0] == written:
            return known[1]
        record = from_bytes(kind, data, self._path(name))
        self._decoded[name] = written, record
        return record

    def _write(self, data: Bytes) -> None:
        for part in parts(data):
            self._write_part(part)

    def _write_part(self, data: Bytes) -> None:
        while True:
            try:
                self._transact(data)
            except ConnectionLoss:
                if self._is_stored(data):
                    return
            except (SessionExpiredError, ConnectionClosedError):
                raise Fenced("the ZooKeeper session is lost") from None
            else:
                return

    def _transact(self, data: Bytes) -> None:
        transaction = self._session.client.transaction()
        transaction.check(self._path(EPOCH), self._epoch_version)
        for name, content in data.items():
            path, version = self._path(name), self._versions.get(name)
            if content is None:
                transaction.delete(path, version)
            elif version is None:
                transaction.create(path, content)
            else:
                transaction.set_data(path, content, version)
        check(transaction.commit(), [self._path(name) for name in (EPOCH, *data)])
        for name, content in data.items():
            self._note(name, None if content is None else self._versions.get(name, -1) + 1)

    def _note(self, name: str, version: int | None) -> None:
        if version is None:
            self._versions.pop(name, None)
        else:
            self._versions[name] = version

    def _is_stored(self, data: Bytes) -> bool:
        """Whether a transaction of unknown fate took place: read, once the session is connected again."""
        try:
            found = self._session.patiently(lambda client: self._look(client, data))
        except Fenced as error:
            raise FateUnknown(str(error)) from None
        if any(found[name][0] != content for name, content in data.items()):
            return False
        for name in data:
            self._note(name, found[name][1])
        return True

    def _look(self, client: KazooClient, names: Iterable[str]) -> dict[str, tuple[bytes | None, int | None]]:
        client.sync(self._root)  # the server that answers now may lag behind the one that took the write
        found: dict[str, tuple[bytes | None, int | None]] = {}
        for name in names:
            try:
                content, stat = client.get(self._path(name))
                found[name] = content, stat.version
            except NoNodeError:
                found[name] = None, None
        return found


def _missing(path: str) -> UnreadableRecord:
    return UnreadableRecord(
        f"znode {path} is missing: nothing is changed; restore it from a copy of ZooKeeper's data"
    )


def _not_allowed(path: str) -> UnreadableRecord:
    return UnreadableRecord(
        f"znode {path} may not be read: set ZOOKEEPER_AUTH to the login that it was made with"
    )
