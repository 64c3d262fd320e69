"""A cluster with data for maintenance to work on, and the calls that order and watch it."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import ConsistencyLevel

from tests.integration.conftest import LocalCluster, three_nodes
from tests.integration.scripted_server import eventually

SECONDS = 600.0


@dataclass
class Service:
    """A local cluster's API, volumes and CQL; ``login`` and ``tls`` where that asks for them."""

    local: LocalCluster
    places: dict[str, Any]
    login: PlainTextAuthProvider | None = None
    tls: ssl.SSLContext | None = None

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of the API; its status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.places["api"] + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def until(self, path: str, true: Callable[[Any], bool]) -> Any:
        """Read until it is as wanted."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                status, told = self.call("GET", path)
            except OSError:
                status, told = 503, "nothing: the scheduler is away"
            if status != 503 and true(told):
                return told
            assert time.monotonic() < deadline, f"{path} tells {told} after {SECONDS:g} s"
            time.sleep(0.1)

    def start(self, kind: str, **fields: Any) -> None:
        """Begin an operation on all nodes."""
        answer = self.call("PUT", f"/v1/{kind}/start", {"nodes": ["*"], **fields})
        assert answer == (202, {"status": "started", "message": ""})

    def completed(self, kind: str) -> Any:
        """Wait for an operation's end, which must be a good one."""
        told = self.until(f"/v1/{kind}/status", lambda told: told["status"] != "running")
        assert told["status"] == "complete", told
        return told

    def all_up(self, count: int) -> None:
        """Wait until so many nodes take CQL and no plan has anything left to do."""
        self.until("/v1/connection", lambda told: len(told["nodes"]) == count)
        self.until("/v1/plan", lambda told: told["status"] == "COMPLETE")
        self.until("/v1/plans/recovery", lambda told: told["status"] == "COMPLETE")

    @contextmanager
    def session(self, *hosts: str, consistency: int = ConsistencyLevel.ALL) -> Iterator[Session]:
        """A CQL session with these hosts alone, or with all."""
        hosts = hosts or tuple(node.rpartition(":")[0] for node in self.places["cql"])
        profile = ExecutionProfile(
            WhiteListRoundRobinPolicy(hosts), consistency_level=consistency, request_timeout=60.0
        )
        cluster = Cluster(
            hosts,
            protocol_version=5,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            auth_provider=self.login,
            ssl_context=self.tls,
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()

    def host(self, node: int) -> str:
        """A node's address."""
        found: str = self.call("GET", f"/v1/nodes/{node}/info")[1]["ip"]
        return found

    def agent(self, node: int) -> int:
        """The number of the agent that a node runs on."""
        return int(self.host(node).rpartition(".")[2])

    def volume(self, node: int) -> Path:
        """A node's volume."""
        (found,) = (self.local.data / f"agent-{self.agent(node)}").glob("volumes/roles/*/*")
        return found

    def repaired(self, node: int) -> list[str]:
        """The segments that the last repair has done on a node, as the journal in its volume has them."""
        return _lines(self._journal(node))

    def until_repaired(self, node: int, least: int) -> None:
        """Wait until a node has repaired so many segments; its status is told less often."""
        journal = self._journal(node)
        eventually(lambda: len(_lines(journal)) >= least, f"a repair of {least} segments", SECONDS)

    def _journal(self, node: int) -> Path:
        ident = self.call("GET", "/v1/repair/status")[1]["id"]
        return self.volume(node) / "maintenance" / f"{ident}-0.journal"

    def sstables(self, node: int, keyspace: str, table: str) -> list[Path]:
        """A table's data files."""
        folder = self.volume(node) / "cassandra" / "data" / keyspace
        return sorted(folder.glob(f"{table}-*/*-Data.db"))


def _lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


@pytest.fixture
def service(shared_cluster: LocalCluster) -> Service:
    """The nodes that tests share."""
    return Service(shared_cluster, shared_cluster.up())


@pytest.fixture(scope="module")
def own_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three nodes for tests that change how many there are, or how they are set."""
    for local in three_nodes(tmp_path_factory.mktemp("maintenance")):
        yield Service(local, local.up())
