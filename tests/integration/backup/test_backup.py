"""Backup and restore of a real cluster, with an S3 server."""

from __future__ import annotations

import pytest
from kazoo.client import KazooClient

from tests.integration.backup import rows
from tests.integration.backup.conftest import SECRET, Backups, content, processes

pytestmark = pytest.mark.needs("java", "mvn")

KEYSPACE = "backed_up"


def test_what_is_truncated_is_restored_and_no_secret_is_left_anywhere(backups: Backups) -> None:
    with backups.session() as session:
        rows.make(session, KEYSPACE)
        rows.fill(session, KEYSPACE, 1000)
        before = rows.digest(session, KEYSPACE)
        backups.order("/v1/backup/start", "first")
        told = backups.done("backup")
        assert (told["name"], set(told["nodes"])) == ("first", {"node-0", "node-1", "node-2"})
        assert told["progress"]["bytes_done"] == told["progress"]["bytes_total"] > 0
        assert backups.snapshots() == []
        status, told = backups.call("PUT", "/v1/backup/start", backups.body("first"))
        assert (status, "there is a backup first" in told["message"]) == (409, True)
        status, listed = backups.call("PUT", "/v1/backups/list", backups.body())
        assert [(one["name"], one["nodes"]) for one in listed["backups"]] == [("first", 3)]
        backups.order("/v1/backup/verify", "first")
        backups.done("verify")
        for table in rows.TABLES:
            session.execute(f"TRUNCATE {KEYSPACE}.{table}")
        assert rows.digest(session, KEYSPACE) != before
        backups.order("/v1/restore/start", "first", restore_type="existing", key_spaces=[KEYSPACE])
        backups.done("restore")
        assert rows.digest(session, KEYSPACE) == before
        session.execute(f"DROP KEYSPACE {KEYSPACE}")
    assert places_of_the_secret(backups) == []
    backups.order("/v1/backups/delete", "first")
    backups.done("delete")
    status, listed = backups.call("PUT", "/v1/backups/list", backups.body())
    assert (status, listed["backups"]) == (200, [])


def places_of_the_secret(backups: Backups) -> list[str]:
    """Where the secret key can be read: in znodes, files, command lines, environments."""
    data, secret = backups.local.data, SECRET.encode()
    files = [path for path in data.rglob("*") if path.is_file() and not path.is_symlink()]
    found = [str(path) for path in files if secret in content(path)]
    told = [process / name for process in processes(data) for name in ("cmdline", "environ")]
    assert any(b"CassandraDaemon" in content(path) for path in told)
    found += [str(path) for path in told if secret in content(path)]
    found += [path for path, value in znodes(backups.places["zookeeper"]) if secret in value]
    answers = ("/v1/operations", "/v1/plans/backup", "/v1/events", "/v1/config", "/v1/backup/status")
    found += [path for path in answers if SECRET in str(backups.call("GET", path))]
    return found


def znodes(zookeeper: str) -> list[tuple[str, bytes]]:
    """All that is in ZooKeeper."""
    client = KazooClient(zookeeper)
    client.start()
    try:
        return list(_below(client, "/"))
    finally:
        client.stop()
        client.close()


def _below(client: KazooClient, path: str) -> list[tuple[str, bytes]]:
    value, _ = client.get(path)
    found = [(path, value)]
    for child in client.get_children(path):
        if (path, child) != ("/", "zookeeper"):
            found += _below(client, f"{path.rstrip('/')}/{child}")
    return found
