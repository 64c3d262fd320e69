"""What maintenance asks of Cassandra, and tells it to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from executor.failure import NotAnswering
from executor.jolokia import Jolokia, Request, execute, read
from executor.management import REACHING, STORAGE, unreachable

COMPACTIONS = "org.apache.cassandra.db:type=CompactionManager"
PENDING = "org.apache.cassandra.metrics:type=Compaction,name=PendingTasks"

VALIDATION = "Validation"
"""What Cassandra calls the reading of a table for a repair, among its compactions."""

SECONDS = 10.0


class Questions:
    """A connection to the node. Not for several threads. Everything raises NotAnswering."""

    def __init__(self, jolokia: Jolokia) -> None:
        self._jolokia = jolokia

    def close(self) -> None:
        """Let the connection go."""
        self._jolokia.close()

    def ring(self, keyspace: str) -> Mapping[str, Sequence[str]]:
        """The replicas' addresses by range, the first replica first."""
        found: Mapping[str, Sequence[str]] = self._ask(execute(STORAGE, "getRangeToEndpointMap", keyspace))
        return found

    def hindrances(self) -> tuple[list[str], int]:
        """The addresses of members that this node cannot reach, and how many compactions are pending."""
        storage, pending = self._ask_all(read(STORAGE, *REACHING), read(PENDING, "Value"))
        return unreachable(storage), int(pending)

    def compacted(self, kind: str, keyspace: str) -> Mapping[str, float]:
        """How much of the running compactions of a kind is done, from 0 to 1, by table of a keyspace."""
        done: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for entry in self._compactions(kind, keyspace):
            done[entry["columnfamily"]] += int(entry["completed"])
            whole[entry["columnfamily"]] += int(entry["total"])
        return {table: done[table] / whole[table] if whole[table] else 0.0 for table in whole}

    def stop_compactions(self, kind: str) -> None:
        """End running compactions of a kind: CLEANUP, UPGRADE_SSTABLES."""
        self._ask(execute(COMPACTIONS, "stopCompaction", kind))

    def end_validations(self, tables: Mapping[str, Sequence[str]]) -> int:
        """End what reads these tables, by keyspace, to compare them for a repair; how many there were."""
        found = [
            entry["compactionId"]
            for keyspace, names in tables.items()
            for entry in self._compactions(VALIDATION, keyspace)
            if entry["columnfamily"] in names
        ]
        if found:
            self._ask_all(*(execute(COMPACTIONS, "stopCompactionById", ident) for ident in found))
        return len(found)

    def _compactions(self, kind: str, keyspace: str) -> list[dict[str, str]]:
        """Those of a kind that run now, as Cassandra's counters tell."""
        return [
            entry
            for entry in self._ask(read(COMPACTIONS, "Compactions"))
            if entry.get("taskType", "").casefold() == kind.casefold() and entry.get("keyspace") == keyspace
        ]

    def repair(self, keyspace: str, options: Mapping[str, str]) -> int:
        """Begin a repair; its number, or 0 where nothing is to be repaired."""
        number: int = self._ask(execute(STORAGE, "repairAsync", keyspace, dict(options)))
        return number

    def repair_status(self, number: int) -> tuple[str, list[str]] | None:
        """How a repair does (IN_PROGRESS, COMPLETED, FAILED), and why; None where it is not known."""
        found: list[str] | None = self._ask(execute(STORAGE, "getParentRepairStatus", number))
        return (found[0], found[1:]) if found else None

    def end_repairs(self) -> None:
        """End all repairs of this node, those begun by hand too: Cassandra knows no other way."""
        self._ask(execute(STORAGE, "forceTerminateAllRepairSessions"))

    def _ask(self, request: Request) -> Any:
        return self._ask_all(request)[0]

    def _ask_all(self, *requests: Request) -> list[Any]:
        answers = self._jolokia.ask(requests, SECONDS)
        for request, answer in zip(requests, answers, strict=True):
            if "value" not in answer:
                what = request.get("operation") or request.get("attribute")
                raise NotAnswering(f"Cassandra refuses {what}: {answer.get('error', 'no reason given')}")
        return [answer["value"] for answer in answers]
