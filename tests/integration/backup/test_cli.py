"""From nothing to a backup and back with ``dcos-cassandra`` as it is installed, on a real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.backup import rows
from tests.integration.backup.conftest import SECRET, Backups

pytestmark = pytest.mark.needs("java", "mvn")

PROGRAM = Path(sys.executable).with_name("dcos-cassandra")
KEYSPACE = "by_hand"


def run(backups: Backups, *arguments: str, code: int = 0) -> str:
    """Run the program with the store's keys in its environment; what it prints."""
    store = backups.places["s3"]
    environment = {
        **os.environ,
        "DCOS_CASSANDRA_URL": backups.places["api"],
        "DCOS_CASSANDRA_BACKUP_LOCATION": store["external_location"],
        "AWS_ACCESS_KEY_ID": "canary-access-key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    done = subprocess.run(
        [PROGRAM, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert SECRET not in told
    return told


def test_a_backup_is_made_and_brought_back_by_hand(backups: Backups) -> None:
    assert "deploy: COMPLETE" in run(backups, "plan", "show")
    assert run(backups, "node", "list").count("NORMAL") == 3
    with backups.session() as session:
        rows.make(session, KEYSPACE)
        rows.fill(session, KEYSPACE, 100)
        before = rows.digest(session, KEYSPACE)
        assert "complete" in run(backups, "backup", "start", "by-hand", "--wait")
        assert "by-hand" in run(backups, "backup", "list")
        assert "choose another name" in run(backups, "backup", "start", "by-hand", code=1)
        for table in rows.TABLES:
            session.execute(f"TRUNCATE {KEYSPACE}.{table}")
        options = ("--type", "existing", "--key-spaces", KEYSPACE)
        assert "complete" in run(backups, "restore", "start", "by-hand", *options, "--wait")
        assert rows.digest(session, KEYSPACE) == before
        session.execute(f"DROP KEYSPACE {KEYSPACE}")
    assert "--yes" in run(backups, "backup", "delete", "by-hand", code=2)
    run(backups, "backup", "delete", "by-hand", "--yes", "--wait")
    assert "by-hand" not in run(backups, "backup", "list")
