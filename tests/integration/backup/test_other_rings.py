"""Clusters at one place that are not alike: other racks, other numbers of tokens, another partitioner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from cassandra import ConsistencyLevel

from backup.s3.credentials import Keys
from tests.integration.backup import rows
from tests.integration.backup.conftest import SECRET, Backups, everything_on
from tests.integration.backup.test_by_tls import killed_meanwhile
from tests.integration.s3_server import BUCKET, Server

pytestmark = [pytest.mark.needs("java", "mvn", "go"), pytest.mark.soak]

KEYSPACE = "elsewhere"
SLOW = 0.05
"""Megabytes a second."""


class Clusters:
    """Three nodes; two in another rack with fewer tokens; one that orders rows by another hash."""

    def __init__(self, folder: Any, stack: ExitStack) -> None:
        self.server = Server(folder / "store", keys=Keys("canary-access-key", SECRET))
        stack.callback(self.server.stop)
        store = f"http://{self.server.address}/{BUCKET}/prefix"

        def cluster(name: str, nodes: int, **settings: str) -> Backups:
            (folder / name).mkdir()
            data = folder / name / "data"
            return stack.enter_context(everything_on(data, store, nodes=nodes, tls=True, **settings))

        self.old = cluster("old", 3)
        self.other = cluster("other", 2, CASSANDRA_NUM_TOKENS="4", CASSANDRA_LOCATION_RACK="elsewhere")
        partitioner = "org.apache.cassandra.dht.RandomPartitioner"
        self.random = cluster("random", 1, CASSANDRA_PARTITIONER=partitioner)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    with ExitStack() as stack:
        yield Clusters(tmp_path_factory.mktemp("rings"), stack)


def test_rows_are_loaded_into_other_racks_with_other_numbers_of_tokens(clusters: Clusters) -> None:
    with clusters.old.session() as session:
        rows.make(session, KEYSPACE, switched_on=True)
        rows.fill(session, KEYSPACE, 3000)
        before = rows.digest(session, KEYSPACE, switched_on=True)
    clusters.old.order("/v1/backup/start", "kept")
    clusters.old.done("backup")
    status, told = clusters.other.call("PUT", "/v1/restore/start", clusters.other.body("kept"))
    assert (status, "the backup has 3 nodes and this cluster 2" in told["message"]) == (409, True)
    killed_meanwhile(clusters.other, clusters.server, "restore", "Download", "kept", restore_type="existing")
    # There are two nodes for three copies.
    with clusters.other.session(consistency=ConsistencyLevel.QUORUM) as session:
        assert rows.digest(session, KEYSPACE, switched_on=True) == before


def test_another_partitioner_is_refused_before_anything_is_done(clusters: Clusters) -> None:
    clusters.random.order("/v1/backup/start", "random")
    clusters.random.done("backup")
    for cluster, name, there, here in (
        (clusters.other, "random", "RandomPartitioner", "Murmur3Partitioner"),
        (clusters.random, "kept", "Murmur3Partitioner", "RandomPartitioner"),
    ):
        status, told = cluster.call("PUT", "/v1/restore/start", cluster.body(name, restore_type="existing"))
        assert status == 409
        assert told["message"] == (
            f"the backup has the partitioner {there} and this cluster {here}, and nothing loads rows across "
            f"partitioners: deploy a cluster with CASSANDRA_PARTITIONER={there}"
        )


def test_of_two_backups_of_one_name_at_one_time_one_is_made_and_the_other_told_so(clusters: Clusters) -> None:
    clusters.old.order("/v1/backup/start", "both", bandwidth_mb_per_second=SLOW)
    clusters.old.until("/v1/backup/status", lambda told: told["progress"]["bytes_done"] > 0)
    clusters.random.order("/v1/backup/start", "both")
    clusters.random.done("backup")
    assert clusters.old.call("PUT", "/v1/backup/bandwidth", {})[0] == 202
    assert "there is a backup both already" in clusters.old.failed("backup")
    assert clusters.old.snapshots() == []
    told = clusters.old.call("PUT", "/v1/backups/list", clusters.old.body())[1]
    (row,) = [row for row in told["backups"] if row["name"] == "both"]
    assert row["nodes"] == 1
    clusters.random.order("/v1/backup/verify", "both")
    clusters.random.done("verify")
