"""The ledger in ZooKeeper.

Below the service's root lie ``framework``, ``cluster``, ``target``, ``controls``, ``nodes/node-N`` and
``operations/<id>``, one record each, and ``epoch``. Whoever becomes leader sets ``epoch``; every later write
checks in the same transaction that nobody has set it since, and that each record still has the version that
was read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    ConnectionLoss,
    KazooException,
    NodeExistsError,
    NoNodeError,
    RolledBackError,
    RuntimeInconsistency,
    SessionExpiredError,
)

from scheduler.model.node import Node
from scheduler.model.operation import Operation
from scheduler.model.world import Cluster, Controls, Framework, Ledger, Target
from scheduler.store.records import UnreadableRecord, from_bytes, to_bytes

log = logging.getLogger(__name__)

KINDS: Mapping[str, type[Any]] = {
    "framework": Framework,
    "cluster": Cluster,
    "target": Target,
    "controls": Controls,
}


FOLDERS = ("nodes", "operations")


class Fenced(Exception):
    """Another leader has taken over, or the session is gone: nothing may be written any more."""


class Store:
    """Reads and writes the ledger for one leader. Not thread-safe: one greenlet writes.

    ``client`` is connected; ``root`` is the service's znode, made when missing.
    """

    def __init__(self, client: KazooClient, root: str) -> None:
        self._client = client
        self._root = root
        self._epoch_version = -1
        self._versions: dict[str, int] = {}

    def take_epoch(self) -> int:
        """Begin a new epoch: from now on writes of earlier leaders fail. Returns its number."""
        path = self._path("epoch")
        for folder in FOLDERS:
            self._client.ensure_path(self._path(folder))
        try:
            self._client.create(path, b"")
        except NodeExistsError:
            log.debug("epoch exists")
        self._epoch_version = self._client.set(path, b"").version
        return self._epoch_version

    def holds_epoch(self) -> bool:
        """Ask ZooKeeper whether this leader's epoch is still the newest. Raises KazooException."""
        stat = self._client.exists(self._path("epoch"))
        return stat is not None and stat.version == self._epoch_version

    def load(self) -> Ledger | None:
        """Read all records; None where the service has never been started. Raises UnreadableRecord."""
        self._versions.clear()
        records = {name: self._read(name, kind) for name, kind in KINDS.items()}
        if all(record is None for record in records.values()):
            self._refuse_foreign_state()
            return None
        for name, record in records.items():
            if record is None:
                raise UnreadableRecord(f"znode {self._path(name)} is missing: restore it from a copy")
        operations = {one.id: one for one in self._read_all("operations", Operation)}
        return Ledger(nodes=self._read_nodes(), operations=operations, **records)

    def create(self, ledger: Ledger) -> None:
        """Store the first records. Raises Fenced."""
        self._write(_flat(ledger))

    def commit(self, before: Ledger, after: Ledger) -> None:
        """Store what differs between two ledgers, all or nothing. Raises Fenced."""
        if before is after:
            return
        old, new = _flat(before), _flat(after)
        changed = {name: record for name, record in new.items() if old.get(name) is not record}
        unequal = {name: record for name, record in changed.items() if old.get(name) != record}
        if unequal:
            self._write(unequal, forgotten=old.keys() - new.keys())

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _read(self, name: str, kind: type[Any]) -> Any:
        try:
            data, stat = self._client.get(self._path(name))
        except NoNodeError:
            return None
        self._versions[name] = stat.version
        return from_bytes(kind, data, self._path(name))

    def _read_nodes(self) -> dict[int, Node]:
        nodes = self._read_all("nodes", Node)
        return {node.number: node for node in sorted(nodes, key=lambda node: node.number)}

    def _read_all(self, folder: str, kind: type[Any]) -> list[Any]:
        names = self._client.get_children(self._path(folder))
        return [self._read(f"{folder}/{name}", kind) for name in names]

    def _refuse_foreign_state(self) -> None:
        """State of another program under the same root must not be built over."""
        strange = set(self._client.get_children(self._root)) - {*KINDS, *FOLDERS, "epoch", "lock"}
        if strange:
            raise UnreadableRecord(
                f"znode {self._root} holds {', '.join(sorted(strange))}, which this service did not write: "
                "it is left untouched; choose another SERVICE_NAME"
            )

    def _write(self, records: Mapping[str, object], forgotten: Iterable[str] = ()) -> None:
        data = {name: to_bytes(record) for name, record in records.items()}
        while True:
            try:
                self._transact(data, forgotten)
            except (ConnectionLoss, TimeoutError):
                # The fate of the transaction is unknown: read what became of it, in the same session.
                if self._is_stored(data):
                    return
            else:
                return

    def _transact(self, data: Mapping[str, bytes], forgotten: Iterable[str]) -> None:
        transaction = self._client.transaction()
        transaction.check(self._path("epoch"), self._epoch_version)
        for name, content in data.items():
            if name in self._versions:
                transaction.set_data(self._path(name), content, self._versions[name])
            else:
                transaction.create(self._path(name), content)
        for name in forgotten:
            transaction.delete(self._path(name), self._versions[name])
        _check(transaction.commit())
        for name in data:
            self._versions[name] = self._versions.get(name, -1) + 1
        for name in forgotten:
            del self._versions[name]

    def _is_stored(self, data: Mapping[str, bytes]) -> bool:
        """Whether a transaction of unknown fate took place; waits for the connection to come back."""
        for name, content in data.items():
            stored = self._get_patiently(name)
            if stored is None or stored[0] != content:
                return False
            self._versions[name] = stored[1]
        return True

    def _get_patiently(self, name: str) -> tuple[bytes, int] | None:
        while True:
            try:
                data, stat = self._client.get(self._path(name))
            except NoNodeError:
                return None
            except (ConnectionLoss, TimeoutError):
                time.sleep(0.2)
            except SessionExpiredError:
                raise Fenced("the ZooKeeper session has expired") from None
            else:
                return data, stat.version


def _flat(ledger: Ledger) -> dict[str, object]:
    nodes = {f"nodes/{node.name}": node for node in ledger.nodes.values()}
    return {
        "framework": ledger.framework,
        "cluster": ledger.cluster,
        "target": ledger.target,
        "controls": ledger.controls,
        **nodes,
        **{f"operations/{one.id}": one for one in ledger.operations.values()},
    }


def _check(results: list[object]) -> None:
    """Raise what kept a transaction from taking place."""
    failures = [result for result in results if isinstance(result, Exception)]
    for failure in failures:
        if isinstance(failure, BadVersionError):
            raise Fenced("another leader has written since")
        if not isinstance(failure, (RolledBackError, RuntimeInconsistency)):
            raise failure
    if failures:
        raise KazooException("the transaction was rolled back")
