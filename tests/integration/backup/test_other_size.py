"""Rows of a backup in a ring that has other tokens since."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.backup import rows
from tests.integration.backup.conftest import Backups
from tests.integration.conftest import LocalCluster

pytestmark = [pytest.mark.needs("java", "mvn"), pytest.mark.soak]

KEYSPACE = "grown"


def test_rows_are_loaded_into_a_cluster_that_has_grown_from_three_nodes_to_four(tmp_path: Path) -> None:
    local = LocalCluster(tmp_path / "data")
    try:
        backups = Backups(local, local.up("--nodes", "3", "--agents", "4"))
        with backups.session() as session:
            rows.make(session, KEYSPACE)
            rows.fill(session, KEYSPACE, 3000)
            before = rows.digest(session, KEYSPACE)
        backups.order("/v1/backup/start", "three")
        backups.done("backup")
        done = local.command("restart", "scheduler", "--nodes", "4")
        assert done.returncode == 0, done.stderr
        backups.all_up(4)
        with backups.session() as session:
            for table in rows.TABLES:
                session.execute(f"TRUNCATE {KEYSPACE}.{table}")
            backups.order("/v1/restore/start", "three", restore_type="existing")
            backups.done("restore")
            assert rows.digest(session, KEYSPACE) == before
    finally:
        local.down()
