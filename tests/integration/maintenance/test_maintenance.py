"""Maintenance on a real cluster with real data, whatever is killed in the middle of it.

The tests stand in an order: each leaves the cluster whole, and the last one adds a node.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from cassandra.cluster import ConsistencyLevel, Session

from tests.integration import processes
from tests.integration.maintenance.conftest import Service

pytestmark = pytest.mark.needs("java", "mvn")

ROWS = 500
MANY_SEGMENTS = 600
"""So many for a node that it is not done with them at once."""

REPLICATED = "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
SINGLE = "{'class': 'NetworkTopologyStrategy', 'dc1': 1}"


def create(session: Session, keyspace: str, replication: str) -> None:
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
    columns = "(id int PRIMARY KEY, v blob) WITH speculative_retry = 'NONE'"
    session.execute(f"CREATE TABLE IF NOT EXISTS {keyspace}.t {columns}")


def fill(session: Session, keyspace: str, ids: range) -> None:
    insert = session.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, ?)")
    for result in [session.execute_async(insert, (number, os.urandom(1000))) for number in ids]:
        result.result()


@pytest.fixture
def replicated(service: Service) -> str:
    """A keyspace with rows on every node."""
    with service.session() as cql:
        create(cql, "replicated", REPLICATED)
        fill(cql, "replicated", range(ROWS))
    return "replicated"


def count(session: Session, keyspace: str, ids: range = range(2 * ROWS)) -> int:
    # Row by row: each is asked of the replicas that the consistency level wants, as clients do.
    select = session.prepare(f"SELECT id FROM {keyspace}.t WHERE id = ?")
    found = [session.execute_async(select, (number,)) for number in ids]
    return sum(len(result.result().current_rows) for result in found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"nodes": ["node-7"]}, "there is no node node-7"),
        ({"nodes": ["*"], "key_spaces": ["nope"]}, "there is no keyspace nope"),
        ({"nodes": ["*"], "column_families": ["nope"]}, "there is no table nope"),
        ({"nodes": ["*"], "key_spaces": "ks"}, "key_spaces must be a list"),
        ({"nodes": ["*"], "depth": 1}, "has no field depth"),
        ({}, "nodes must be a list"),
    ],
)
def test_a_bad_request_starts_nothing(service: Service, body: object, words: str) -> None:
    before = service.call("GET", "/v1/repair/status")
    status, answer = service.call("PUT", "/v1/repair/start", body)
    assert (status, words in answer["message"]) == (400, True), answer
    assert service.call("GET", "/v1/repair/status") == before


def test_repair_brings_a_node_what_it_has_missed(service: Service) -> None:
    with service.session() as cql:
        create(cql, "missed", REPLICATED)
        fill(cql, "missed", range(ROWS))
    assert service.call("PUT", "/v1/plans/recovery/interrupt")[0] == 200
    missing, others = service.host(1), (service.host(0), service.host(2))
    os.kill(processes.cassandra(service.local.data, service.agent(1)), signal.SIGKILL)
    for node in (0, 2):
        # Until then they keep what they have for it, and send it when it is back.
        service.until(f"/v1/nodes/{node}/status", lambda told: missing in told["unreachable"])
    with service.session(*others, consistency=ConsistencyLevel.QUORUM) as cql:
        fill(cql, "missed", range(ROWS, 2 * ROWS))
    assert service.call("PUT", "/v1/plans/recovery/continue")[0] == 200
    service.all_up(3)
    with service.session(missing, consistency=ConsistencyLevel.ONE) as cql:
        # Of those from before, the last may be gone with the unsynced end of the commit log.
        assert count(cql, "missed", range(ROWS, 2 * ROWS)) == 0
    service.start("repair", key_spaces=["missed"])
    told = service.completed("repair")
    assert [node["done"] for node in told["nodes"].values()] == [16, 16, 16]
    with service.session(missing, consistency=ConsistencyLevel.ONE) as cql:
        assert count(cql, "missed") == 2 * ROWS


def kill_scheduler(service: Service) -> None:
    service.local.command("kill", "scheduler")
    service.local.command("start", "scheduler")


def kill_agent(service: Service) -> None:
    service.local.command("kill", "agent-1")
    service.local.command("start", "agent-1")


def kill_executor(service: Service) -> None:
    os.kill(processes.executor(service.local.data, 1), signal.SIGKILL)


def kill_cassandra(service: Service) -> None:
    os.kill(processes.cassandra(service.local.data, 1), signal.SIGKILL)


@pytest.mark.parametrize(
    "kill",
    [
        kill_scheduler,
        pytest.param(kill_executor, marks=pytest.mark.soak),
        pytest.param(kill_agent, marks=pytest.mark.soak),
        pytest.param(kill_cassandra, marks=pytest.mark.soak),
    ],
)
def test_repair_completes_whatever_is_killed_in_the_middle(
    service: Service, replicated: str, kill: Callable[[Service], None]
) -> None:
    node = next(number for number in range(3) if service.agent(number) == 1)
    service.start("repair", key_spaces=[replicated], segments_per_node=MANY_SEGMENTS)
    service.until_repaired(node, 5)
    kill(service)
    told = service.completed("repair")
    for number in range(3):
        part, done = told["nodes"][f"node-{number}"], service.repaired(number)
        assert len(set(done)) == len(done) == part["done"] == part["total"] >= MANY_SEGMENTS
    service.all_up(3)


def test_stop_ends_the_repair_on_the_node_too(service: Service, replicated: str) -> None:
    service.start("repair", key_spaces=[replicated], segments_per_node=MANY_SEGMENTS)
    service.until_repaired(0, 1)
    status, answer = service.call("PUT", "/v1/repair/stop")
    assert (status, "begun by hand" in answer["message"]) == (202, True)
    told = service.until("/v1/repair/status", lambda told: told["status"] != "running")
    assert told["status"] == "stopped"
    before = [service.repaired(number) for number in range(3)]
    assert len(before[0]) < MANY_SEGMENTS
    assert service.call("PUT", "/v1/repair/stop")[0] == 409
    assert [service.repaired(number) for number in range(3)] == before, "nothing is repaired after the stop"


def test_an_interrupted_repair_goes_on_where_it_was(service: Service, replicated: str) -> None:
    def interrupted(told: Any) -> list[Any]:
        return [n for n in told["nodes"].values() if "is interrupted" in (n["waiting_for"] or "")]

    service.start("repair", key_spaces=[replicated], segments_per_node=MANY_SEGMENTS)
    service.until_repaired(0, 3)
    assert service.call("PUT", "/v1/plans/repair/interrupt")[0] == 200
    # A quick node may have done all of its segments meanwhile: then it is the next that waits.
    told = service.until("/v1/repair/status", interrupted)
    come_to = told["progress"]["done"]
    assert come_to >= 3
    assert service.call("PUT", "/v1/plans/repair/continue")[0] == 200
    told = service.until("/v1/repair/status", lambda told: not interrupted(told))
    assert told["progress"]["done"] >= come_to
    service.completed("repair")


@pytest.mark.soak
def test_upgradesstables_rewrites_files_of_an_older_format(own_service: Service) -> None:
    service = own_service
    with service.session() as cql:
        create(cql, "replicated", REPLICATED)
        fill(cql, "replicated", range(2 * ROWS))
    # Until now files were written as Cassandra 4 would read them.
    service.local.down()
    service.places = service.local.up("--env", "CASSANDRA_STORAGE_COMPATIBILITY_MODE=NONE")
    old = service.sstables(0, "replicated", "t")
    assert {path.name.partition("-")[0] for path in old} == {"nb"}
    service.start("upgradesstables", key_spaces=["replicated"])
    service.completed("upgradesstables")
    for node in range(3):
        formats = {path.name.partition("-")[0] for path in service.sstables(node, "replicated", "t")}
        assert formats == {"oa"}
    with service.session() as cql:
        assert count(cql, "replicated") == 2 * ROWS


@pytest.mark.soak
def test_cleanup_frees_what_went_to_a_new_node(own_service: Service) -> None:
    service = own_service
    with service.session() as cql:
        create(cql, "single", SINGLE)
        fill(cql, "single", range(2 * ROWS))
    service.local.down()
    service.places = service.local.up("--nodes", "4")

    def held() -> int:
        return sum(path.stat().st_size for n in range(3) for path in service.sstables(n, "single", "t"))

    before = held()
    service.start("cleanup", key_spaces=["single"])
    service.completed("cleanup")
    deadline = time.monotonic() + 60
    while held() > 0.95 * before:  # Cassandra removes old files a moment later
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with service.session(consistency=ConsistencyLevel.ONE) as cql:
        assert count(cql, "single") == 2 * ROWS
