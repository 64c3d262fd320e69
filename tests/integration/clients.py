"""A writer and a reader at QUORUM that run while a cluster is changed, and what they were promised."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import ConsistencyLevel, DriverException, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile, NoHostAvailable, Session
from cassandra.cluster import Cluster as Driver
from cassandra.policies import RoundRobinPolicy

from tests.integration.scripted_server import eventually

KEYSPACE = "promised"
PAUSE_SECONDS = 0.02
GO_ON_SECONDS = 180.0
UNSURE = (DriverException, OperationTimedOut, RequestExecutionException, NoHostAvailable)
"""What a client gets for a write of which nobody has promised anything."""


class Clients:
    """Each on a thread of its own. ``missing`` are acknowledged rows that a read did not find."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._insert = session.prepare(f"INSERT INTO {KEYSPACE}.rows (id, text) VALUES (?, ?)")
        self._select = session.prepare(f"SELECT text FROM {KEYSPACE}.rows WHERE id = ?")
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._write, self._read)]
        self.acknowledged: list[int] = []
        self.unsure = 0
        self.reads = 0
        self.missing: list[int] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        for number in itertools.count():
            if self._ended.wait(PAUSE_SECONDS):
                return
            try:
                self._session.execute(self._insert, (number, text(number)))
            except UNSURE:
                self.unsure += 1  # it may be there or not
            else:
                self.acknowledged.append(number)

    def _read(self) -> None:
        """The newest row, and one of all of them."""
        for turn in itertools.count():
            if self._ended.wait(PAUSE_SECONDS):
                return
            if not self.acknowledged:
                continue
            number = self.acknowledged[-1] if turn % 2 else random.choice(self.acknowledged)
            try:
                found = list(self._session.execute(self._select, (number,)))
            except UNSURE:
                continue
            self.reads += 1
            if [row.text for row in found] != [text(number)]:
                self.missing.append(number)

    def go_on(self) -> None:
        """Wait for writes that are acknowledged, and for reads that are answered, from now on."""
        writes, reads = len(self.acknowledged), self.reads
        eventually(
            lambda: len(self.acknowledged) > writes + 10,
            "writes that are acknowledged",
            seconds=GO_ON_SECONDS,
        )
        eventually(lambda: self.reads > reads + 10, "reads that are answered", seconds=GO_ON_SECONDS)

    def lost(self) -> list[int]:
        """The acknowledged rows that are not there."""
        found = {row.id: row.text for row in self._session.execute(f"SELECT id, text FROM {KEYSPACE}.rows")}
        return [number for number in self.acknowledged if found.get(number) != text(number)]

    def erase(self, number: int) -> None:
        """Take a row away behind their backs."""
        self._session.execute(f"DELETE FROM {KEYSPACE}.rows WHERE id = %s", (number,))


def text(number: int) -> str:
    """What a row says."""
    return f"row {number}"


@contextmanager
def clients(cql: list[str]) -> Iterator[Clients]:
    """Clients until the end of the block, at which every acknowledged row must be there."""
    profile = ExecutionProfile(
        load_balancing_policy=RoundRobinPolicy(),
        consistency_level=ConsistencyLevel.QUORUM,
        request_timeout=5,
    )
    hosts = [node.rpartition(":")[0] for node in cql]
    driver = Driver(
        hosts,
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=60,
        control_connection_timeout=60,
    )
    try:
        session = driver.connect()
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} "
            "WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}"
        )
        session.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.rows (id int PRIMARY KEY, text text)")
        session.execute(f"TRUNCATE {KEYSPACE}.rows", timeout=60)
        made = Clients(session)
        made.start()
        try:
            made.go_on()
            yield made
            made.go_on()
        finally:
            made.stop()
            print(f"{len(made.acknowledged)} writes were acknowledged, {made.unsure} not; {made.reads} reads")
        assert made.missing == []
        assert made.lost() == []
        _would_be_noticed(made)
    finally:
        driver.shutdown()


def _would_be_noticed(made: Clients) -> None:
    """A row that is not there is found to be lost: or what was asserted above says nothing."""
    made.erase(made.acknowledged[0])
    assert made.lost() == [made.acknowledged[0]]
