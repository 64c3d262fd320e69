"""What must hold of backups and restores, checked as the models see it happen.

S10: a backup is visible only when all it names was uploaded, and lacks no node whose rows it should have;
a later one never changes it. S14: what an operation leaves on nodes is cleared in the end, and not before.
S15: a restore swaps no data but past its stored point of no return, drops what was there only after success,
and counts as complete only where all of the backup has been taken in. S16: one operation at a time, and of
it no more tasks than its phase allows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from protocol.backup import BACKUP, NEW, RESTORE, RESTORE_PHASE, BackupTask
from scheduler.model.operation import PARALLEL
from scheduler.model.task import ALIVE
from tests.simulation.cassandra import Cassandra, Volume
from tests.simulation.objects import Manifest
from tests.simulation.zookeeper import Write

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

Record = dict[str, Any]


class TransferInvariants:
    """Looks on. ``require`` takes what must hold, the invariant's name, and what is wrong otherwise."""

    def __init__(self, simulation: Simulation, require: Callable[[bool, str, str], None]) -> None:
        self._simulation = simulation
        self._require = require
        self._running: set[str] = set()
        self._members: dict[str, set[tuple[str, ...]]] = {}
        self._taken: dict[str, set[str]] = {}
        self.ends: Counter[str] = Counter()

    def operation(self, ident: str) -> Record:
        """The stored record of an operation; empty where there is none."""
        path = f"{self._simulation.root}/operations/{ident}"
        data = self._simulation.zookeeper.records(path).get(path)
        return json.loads(data)["record"] if data else {}

    # What nodes do.

    def snapped(self, operation: str, cassandra: Cassandra) -> None:
        """A snapshot: rows of whoever is a member now, as far as this node knows, belong to the backup."""
        ring = cassandra.ring
        if ring is not None:
            self._members.setdefault(operation, set()).update(ring.tokens.values())

    def published(self, task: BackupTask, before: Manifest | None, manifest: Manifest) -> None:
        """A manifest is written."""
        uploads = self._simulation.objects.uploads.get(task.operation, {}).values()
        missing = [one.node for one in manifest.nodes.values() if one not in uploads]
        self._require(not missing, "S10", f"the backup {task.name} names what {missing} has not uploaded")
        there = {one.tokens for one in manifest.nodes.values()}
        lacking = self._members.get(task.operation, set()) - there
        self._require(not lacking, "S10", f"the backup {task.name} lacks the rows of {sorted(lacking)}")
        self._require(before in (None, manifest), "S10", f"the backup {task.name} is changed")

    def swapped(self, cassandra: Cassandra) -> None:
        """A node starts on restored data."""
        node, ident = cassandra.task.node, cassandra.task.restored
        operation, source = self.operation(ident), cassandra.volume.restored[1]
        committed = bool(operation) and operation["transfer"]["committed"]
        self._require(committed, "S2", f"{node} puts its data aside, and no point of no return is stored")
        manifest = self._simulation.objects.manifests.get(operation["transfer"]["name"])
        tokens = manifest.nodes[source].tokens if manifest is not None else cassandra.task.tokens
        self._require(cassandra.task.tokens == tokens, "S15", f"{node} has other tokens than its data")

    def tidied(self, volume: Volume, kept: str) -> None:
        """What is left of operations is about to be cleared."""
        for ident in sorted((volume.snapshots | volume.put_aside | set(volume.brought)) - {kept}):
            operation = self.operation(ident)
            if ident in volume.put_aside:
                done = all(part["done"] for part in operation.get("parts", ()))
                self._require(done, "S15", f"{volume.node} drops its old data, and {ident} is not done")
            over = not operation or operation["ended_at"] is not None or _is_closing(operation)
            self._require(over, "S14", f"{volume.node} clears what the running {ident} stands on")

    def took_in(self, task: BackupTask, sources: tuple[str, ...]) -> None:
        """Rows of these nodes of a backup are in the ring."""
        self._taken.setdefault(task.operation, set()).update(sources)

    # What is stored.

    def committing(self, writes: list[Write]) -> None:
        """Records are about to be written."""
        prefix = f"{self._simulation.root}/operations/"
        for write in writes:
            if write.path.startswith(prefix) and write.what != "check":
                self._note(write)
        names = ", ".join(path.rpartition("/")[2] for path in sorted(self._running))
        self._require(len(self._running) <= 1, "S16", f"{names} run at once")

    def _note(self, write: Write) -> None:
        record = json.loads(write.data)["record"] if write.what != "delete" else None
        if record is not None and record["ended_at"] is None:
            self._begun(write.path, record["id"])
            self._few_at_once(record)
        elif write.path in self._running:
            self._running.discard(write.path)
            if record is not None and record["transfer"] is not None:
                self._ended(record)

    def _begun(self, path: str, ident: str) -> None:
        """It runs; once it does again, all of it is done anew, with the ring as it is by then."""
        if path not in self._running:
            self._running.add(path)
            self._members.pop(ident, None)
            self._taken.pop(ident, None)

    def _few_at_once(self, record: Record) -> None:
        alive = [one for one in record["parts"] if one["task"] is not None and one["task"]["state"] in ALIVE]
        nodes = [part["node"] for part in alive]
        serial = [part for part in alive if part["phase"] not in PARALLEL]
        what = f"{record['kind']} {record['id']}"
        self._require(len(nodes) == len(set(nodes)), "S16", f"{what} has two tasks on a node")
        self._require(len(serial) <= 1, "S16", f"{what} works on nodes {nodes} at once")

    def _ended(self, record: Record) -> None:
        """An operation has come to its end."""
        done = all(part["done"] for part in record["parts"]) and not record["failed"]
        how = "complete" if done else "failed" if record["failed"] else "stopped"
        self.ends[f"{record['transfer']['restore_type']} {record['kind']} {how}".strip()] += 1
        if done and record["kind"] == BACKUP:
            made = [one.operation for one in self._simulation.objects.manifests.values()]
            self._require(record["id"] in made, "S10", f"{record['id']} is complete and made no backup")
        elif done and record["kind"] == RESTORE:
            self._all_is_there(record)
        elif record["kind"] == RESTORE:
            way_back = not record["transfer"]["committed"]
            self._require(way_back, "S15", f"{record['id']} ends past its point of no return, undone")

    def _all_is_there(self, record: Record) -> None:
        transfer = record["transfer"]
        manifest = self._simulation.objects.manifests.get(transfer["name"])
        wanted = set(manifest.nodes) if manifest is not None else set()
        if transfer["restore_type"] == NEW:
            numbers = [part["node"] for part in record["parts"] if part["phase"] == RESTORE_PHASE]
            restored = [volume.restored for volume in self._volumes({f"node-{n}" for n in numbers})]
            found = {source for ident, source in restored if ident == record["id"]}
        else:
            found = self._taken.get(record["id"], set())
        lacking = sorted(wanted - found)
        self._require(not lacking, "S15", f"{record['id']} is complete, and lacks the data of {lacking}")

    def _volumes(self, nodes: set[str]) -> Iterator[Volume]:
        for agent in self._simulation.agents:
            for volume in agent.volumes.values():
                if volume.node in nodes and volume.holder is not None:
                    yield volume

    # After healing.

    def leftovers(self) -> list[str]:
        """What operations have left on nodes that work."""
        return [
            f"{volume.node} has still {sorted({*volume.snapshots, *volume.brought, *volume.put_aside})}"
            for agent in self._simulation.agents
            for volume in agent.volumes.values()
            if volume.holder is not None and (volume.snapshots or volume.brought or volume.put_aside)
        ]

    def settled(self) -> None:
        """Nothing goes on any more."""
        left = self.leftovers()
        self._require(not left, "S14", f"of operations that have ended {'; '.join(left)}")


def _is_closing(operation: Record) -> bool:
    over = bool(operation["failed"]) or operation["stopping"]
    return over or all(part["done"] for part in operation["parts"])
