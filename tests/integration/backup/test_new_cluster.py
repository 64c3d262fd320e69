"""A cluster that is gone, brought back into a new one."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.running import PROJECT
from tests.integration.backup import rows
from tests.integration.backup.conftest import Backups
from tests.integration.backup.test_resume import kill_executor, kill_scheduler
from tests.integration.conftest import LocalCluster

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

KEYSPACE = "brought_back"
SETTINGS = (
    "--env=CASSANDRA_MATERIALIZED_VIEWS_ENABLED=true",
    "--env=CASSANDRA_USER_DEFINED_FUNCTIONS_ENABLED=true",
)
ROWS = 10_000
OTHER_TABLES = 3


@pytest.fixture
def store() -> Iterator[str]:
    """A bucket that outlives clusters."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "local.s3", "--host=127.0.0.1", f"--port={port}", "--bucket=kept"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/kept/prefix"
    process.terminate()
    process.wait()


@contextlib.contextmanager
def cluster(data: Path, store: str) -> Iterator[Backups]:
    """A cluster that backs up to the store, ended afterwards."""
    local = LocalCluster(data)
    try:
        places = local.up("--nodes", "3", *SETTINGS)
        places["s3"] = {"external_location": store}
        yield Backups(local, places)
    finally:
        local.down()


def test_rows_views_indexes_counters_functions_and_roles_are_back_in_a_new_cluster(
    tmp_path: Path, store: str
) -> None:
    with cluster(tmp_path / "old", store) as old:
        with old.session() as session:
            # What CREATE ROLE does, which asks for somebody who has logged in.
            session.execute("INSERT INTO system_auth.roles (role, can_login) VALUES ('reader', true)")
            rows.make(session, KEYSPACE, switched_on=True)
            rows.fill(session, KEYSPACE, ROWS)
            for number in range(OTHER_TABLES):
                session.execute(f"CREATE TABLE {KEYSPACE}.t{number} (id int PRIMARY KEY)")
                session.execute(f"INSERT INTO {KEYSPACE}.t{number} (id) VALUES ({number})")
            before = rows.digest(session, KEYSPACE, switched_on=True)
        old.order("/v1/backup/start", "whole")
        old.done("backup")
    with cluster(tmp_path / "new", store) as new:
        new.order("/v1/restore/start", "whole")
        new.until("/v1/restore/status", lambda told: told["nodes"]["node-1"]["phase"] == "Restore")
        kill_scheduler(new)
        new.until("/v1/restore/status", lambda told: told["nodes"]["node-0"]["status"] == "COMPLETE")
        kill_executor(new, 0)
        new.done("restore")
        new.all_up(3)
        with new.session() as session:
            assert rows.digest(session, KEYSPACE, switched_on=True) == before
            for number in range(OTHER_TABLES):
                assert [row.id for row in session.execute(f"SELECT id FROM {KEYSPACE}.t{number}")] == [number]
            assert "reader" in {row.role for row in session.execute("SELECT role FROM system_auth.roles")}
            rows.fill(session, KEYSPACE, 100, start=ROWS)
        assert list(new.local.data.glob("agent-*/volumes/roles/*/*/restore/*")) == []
        status, _ = new.call("PUT", "/v1/nodes/restart?node=1")
        assert status == 200
        new.all_up(3)
        new.order("/v1/backup/start", "again")
        new.done("backup")
